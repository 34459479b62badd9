"""What the pages that show the trigger form share."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import HttpResponse
from django.urls import reverse

from kaireon.accounts.roles import Ability
from kaireon.core import clock
from kaireon.events.models import Event
from kaireon.studio.pages import Crumb, StudioPage
from triggers.definition import PRIORITY_BANDS
from triggers.models import Trigger
from triggers.studio.draft import matching_text
from triggers.studio.drafts import as_typed
from triggers.studio.event_types import PLATFORM, offered_types
from triggers.studio.form_fields import TriggerForm
from triggers.studio.samples import as_sent, event_choices, first_text, recent_events, written
from triggers.studio.sentence import sentence_of


class TriggerFormPage(StudioPage):
    """A page with the form. It is for those who may save: a viewer gets 403."""

    section = "Triggers"
    template_name = "studio/trigger_form/page.html"
    abilities: ClassVar[Mapping[str, Ability]] = {"GET": Ability.WRITE}

    stored: Trigger | None = None

    def page_title(self) -> str:
        return f"Edit {self.stored.name}" if self.stored else "New trigger"

    def crumbs(self) -> list[Crumb]:
        crumbs = [Crumb("Triggers", reverse("studio-triggers"))]
        if self.stored:
            crumbs.append(Crumb(self.stored.name, reverse("studio-trigger", args=[self.stored.pk])))
        return crumbs

    def show(self, form: TriggerForm, *, status: int = 200, **more: Any) -> HttpResponse:
        """The page with `form`, its problems at their fields."""
        form.offer_choices()
        event_type = str(form["event_type"].value() or "").strip()
        recent = recent_events(event_type)
        spoken_of = as_typed(form) if form.is_bound else form.trigger
        return self.render(
            {
                "form": form,
                "stored": self.stored,
                "bands": PRIORITY_BANDS,
                "event_types": offered_types(),
                "event_type": event_type,
                "kind": PLATFORM.get(event_type),
                "event_choices": event_choices(recent, now=clock.now()),
                **self._event(form, event_type, recent),
                "sentence": sentence_of(spoken_of, names=form.action.names if form.action else None),
                "problems": form.problems() if form.is_bound else [],
                "general_problems": form.general_problems() if form.is_bound else [],
                **more,
            },
            status=status,
        )

    def show_as_typed(self, form: TriggerForm, **more: Any) -> HttpResponse:
        """The page with what was typed, before anything is asked of it: without scripts, buttons lead here."""
        form.forget_problems()
        return self.show(form, **more)

    def _event(self, form: TriggerForm, event_type: str, recent: list[Event]) -> dict[str, str]:
        """What was typed stays, unless another event was asked for by a button beside the list."""
        typed, wish = self.request.POST.get("event"), self.request.POST.get("show")
        if typed is None:
            return {"event_text": first_text(event_type, recent)}
        if wish == "matching":
            event_text, event_note = matching_text(form, now=clock.now())
            return {"event_text": event_text or typed, "event_note": event_note}
        if wish == "event":
            wanted = self.request.POST.get("event_choice", "")
            chosen = next((event for event in recent if event.event_id == wanted), None)
            return {"event_text": written(as_sent(chosen)) if chosen else first_text(event_type, [])}
        return {"event_text": typed}
