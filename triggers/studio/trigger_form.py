"""The pages on which a trigger is made and changed."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from kaireon.core import clock
from kaireon.core.errors import ApiError, Conflict, Detail, NotFound
from triggers.definition import JSON_NAMES
from triggers.lifecycle import create_trigger, find_trigger, update_trigger
from triggers.models import Status, Trigger
from triggers.studio.changes_meanwhile import changes_since
from triggers.studio.drafts import read_values
from triggers.studio.form_fields import TriggerForm
from triggers.studio.form_page import TriggerFormPage
from triggers.studio.recipes import RECIPES

_PYTHON_NAMES = {json_name: name for name, json_name in JSON_NAMES.items()}


class NewTrigger(TriggerFormPage):
    """A new trigger: from nothing, `?from=<id>` of another one, or `?recipe=<name>`."""

    def get(self, request: HttpRequest) -> HttpResponse:
        recipe = RECIPES.get(request.GET.get("recipe", ""))
        if recipe is not None:
            beginning = Trigger(**{_PYTHON_NAMES[name]: value for name, value in recipe.body.items()})
        elif original_id := request.GET.get("from"):
            beginning = _copy_of(find_trigger(original_id))
        else:
            beginning = Trigger()
        return self.show(TriggerForm(trigger=beginning, is_recipe=recipe is not None))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = TriggerForm(request.POST, trigger=Trigger())
        if "show" in request.POST:
            return self.show_as_typed(form)
        values = read_values(form)
        if values is None:
            return self.show(form, status=400)
        trigger = create_trigger(values=values, now=clock.now())
        url = reverse("studio-trigger", args=[trigger.pk])
        return self.done(f"{trigger.name} was created, and is {trigger.status}.", url)


class EditTrigger(TriggerFormPage):
    """Changing a trigger. Somebody else's save in between is shown, and nothing is overwritten unasked.

    `over` names the version that may be overwritten, once it was shown what that would undo.
    """

    def get(self, request: HttpRequest, trigger_id: str) -> HttpResponse:
        self.stored = find_trigger(trigger_id)
        return self.show(TriggerForm(trigger=self.stored, stored=self.stored))

    def post(self, request: HttpRequest, trigger_id: str) -> HttpResponse:
        sent = request.POST.copy()
        if "over" in sent:
            sent["version"] = request.POST["over"]
        try:
            self.stored = find_trigger(trigger_id)
        except NotFound:
            return self.show(TriggerForm(sent, trigger=Trigger()), status=404, is_deleted=True)
        form = TriggerForm(sent, trigger=self.stored, stored=self.stored)
        if "show" in sent:
            return self.show_as_typed(form)
        values = read_values(form)
        if values is None:
            return self.show(form, status=400)
        return self._save(form, values)

    def _save(self, form: TriggerForm, values: dict[str, Any]) -> HttpResponse:
        assert self.stored is not None, "it is looked up before anything is saved"
        try:
            trigger = update_trigger(trigger_id=self.stored.pk, values=values, now=clock.now())
        except Conflict:
            self.stored = find_trigger(self.stored.pk)
            changes = changes_since(self.stored.pk, values["version"])
            return self.show(form, status=409, is_conflict=True, changes=changes)
        except ApiError as error:
            form.show(error.details or [Detail("", error.message)])
            return self.show(form, status=error.status)
        return self.done(f"{trigger.name} was saved.", reverse("studio-trigger", args=[trigger.pk]))


def _copy_of(original: Trigger) -> Trigger:
    """Switched off: two of the same that are active would do everything twice."""
    return Trigger(
        name=f"{original.name} (copy)"[:255],
        description=original.description,
        event_type=original.event_type,
        condition=original.condition,
        action_type=original.action_type,
        action_config=original.action_config,
        priority=original.priority,
        cooldown_ms=original.cooldown_ms,
        status=Status.PAUSED,
    )
