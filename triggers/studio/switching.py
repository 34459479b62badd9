"""Pausing, resuming, disabling and deleting one trigger."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from kaireon.accounts.roles import Ability
from kaireon.core import clock
from kaireon.core.errors import ApiError, NotFound
from kaireon.studio.pages import ConfirmPage, Crumb, Question, StudioPage
from triggers.definition import read_definition
from triggers.lifecycle import delete_trigger, find_trigger, update_trigger
from triggers.models import Trigger
from triggers.studio.rows import rows_of

SECTION = "Triggers"


def set_status(trigger_id: str, status: Any) -> Trigger:
    """The trigger in its new status, by the API's rules. Raises NotFound, ValidationFailed and InvalidTransition."""
    values = read_definition({"status": status}, existing=find_trigger(trigger_id))
    return update_trigger(trigger_id=trigger_id, values=values, now=clock.now())


class TriggerStatus(StudioPage):
    """Sets the status. htmx is answered with the trigger's row as it stands then, in the list."""

    section = SECTION

    def post(self, request: HttpRequest, trigger_id: str) -> HttpResponse:
        back_url = self.next_url(reverse("studio-trigger", args=[trigger_id]))
        try:
            trigger = set_status(trigger_id, request.POST.get("status"))
        except NotFound:
            raise
        except ApiError as error:
            if not request.headers.get("HX-Request"):
                return self.failed(error.message, back_url)
            return self._row(find_trigger(trigger_id), back_url, problem=error.message)
        said = f"{trigger.name} is {trigger.status}."
        if not request.headers.get("HX-Request"):
            return self.done(said, back_url)
        return self._row(trigger, back_url, said=said)

    def _row(self, trigger: Trigger, back_url: str, **more: str) -> HttpResponse:
        (entry,) = rows_of([trigger], now=clock.now())
        may = {ability.name.lower(): self.may(ability) for ability in Ability}
        context = {"entry": entry, "next": back_url, "may": may, **more}
        return render(self.request, "studio/triggers/switched.html", context)


class DeleteTrigger(ConfirmPage):
    """Asks, and deletes."""

    section = SECTION
    abilities: ClassVar[Mapping[str, Ability]] = {"GET": Ability.DELETE, "POST": Ability.DELETE}

    def crumbs(self) -> list[Crumb]:
        return [Crumb("Triggers", reverse("studio-triggers"))]

    def question(self) -> Question:
        trigger = find_trigger(self.kwargs["trigger_id"])
        return Question(
            title=f"Delete {trigger.name}?",
            text="It stops acting at once, and what it has queued is cancelled. Its firings and its history stay."
            " To stop it for a while, pause it instead.",
            button="Delete trigger",
            back_url=reverse("studio-trigger", args=[trigger.pk]),
            is_destructive=True,
        )

    def act(self) -> HttpResponse:
        delete_trigger(trigger_id=self.kwargs["trigger_id"])
        return self.done("The trigger was deleted.", reverse("studio-triggers"))
