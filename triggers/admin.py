"""Triggers and firings in Django admin. Forms check and save by the same functions as the API."""

import re
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from kaireon.core import clock
from kaireon.core.errors import ApiError, ValidationFailed
from triggers.actions.registry import actions
from triggers.definition import priority_band, read_definition
from triggers.lifecycle import create_trigger, delete_trigger, update_trigger
from triggers.models import Firing, Status, Trigger

_JSON_NAMES = {
    "event_type": "eventType",
    "action_type": "actionType",
    "action_config": "actionConfig",
    "cooldown_ms": "cooldownMs",
}


class TriggerForm(forms.ModelForm[Trigger]):
    """The fields of a trigger; what they must obey is said by `read_definition`."""

    class Meta:
        model = Trigger
        fields = (
            "name",
            "description",
            "event_type",
            "condition",
            "action_type",
            "action_config",
            "cooldown_ms",
            "priority",
            "status",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = [(action.action_type, action.label) for action in actions().values()]
        self.fields["action_type"] = forms.ChoiceField(choices=names)

    def clean(self) -> dict[str, Any]:
        """Puts each problem at its field, with the path behind it."""
        values: dict[str, Any] = super().clean() or {}
        body = {_JSON_NAMES.get(name, name): value for name, value in values.items()}
        for name in ("condition", "actionConfig"):
            body[name] = body.get(name) or {}
        if self.errors:
            return values
        try:
            self.definition = read_definition(body, existing=self.instance if self.instance.pk else None)
        except ValidationFailed as error:
            for detail in error.details:
                self._add_problem(detail.field, detail.message)
        return values

    def _add_problem(self, path: str, message: str) -> None:
        head = re.split(r"[.\[]", path, maxsplit=1)[0]
        name = next((python for python, json in _JSON_NAMES.items() if json == head), head)
        text = message if path == head else f"{path} {message}"
        self.add_error(name if name in self.fields else None, text)

    def _post_clean(self) -> None:
        """The model's own checks are those of the definition; the instance is written by the domain alone."""


@admin.register(Trigger)
class TriggerAdmin(ModelAdmin):
    """Triggers; Studio is the place to build them, this the place to look them up and to switch them."""

    form = TriggerForm
    list_display = ("name", "status", "event_type", "action_type", "priority_in_words", "cooldown_ms", "updated_at")
    list_filter = ("status", "event_type", "action_type")
    search_fields = ("id", "name", "description")
    ordering = ("-priority", "id")
    readonly_fields = ("id", "version", "created_at", "updated_at")
    actions = ("resume", "pause", "disable")

    @admin.display(description="priority", ordering="priority")
    def priority_in_words(self, trigger: Trigger) -> str:
        return f"{priority_band(trigger.priority)} {trigger.priority}"

    def save_model(self, request: HttpRequest, obj: Trigger, form: TriggerForm, change: bool) -> None:
        """Replaces Django's own save."""
        try:
            if change:
                saved = update_trigger(trigger_id=obj.pk, values=form.definition, now=clock.now())
            else:
                saved = create_trigger(values=form.definition, now=clock.now())
        except ApiError as error:
            self.message_user(request, error.message, messages.ERROR)
            request._refused = True  # type: ignore[attr-defined]
            return
        obj.__dict__.update(saved.__dict__)

    def delete_model(self, request: HttpRequest, obj: Trigger) -> None:
        delete_trigger(trigger_id=obj.pk)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Trigger]) -> None:
        for trigger_id in queryset.values_list("pk", flat=True):
            delete_trigger(trigger_id=trigger_id)

    @admin.action(description="Resume selected triggers")
    def resume(self, request: HttpRequest, queryset: QuerySet[Trigger]) -> None:
        self._switch(request, queryset, Status.ACTIVE)

    @admin.action(description="Pause selected triggers")
    def pause(self, request: HttpRequest, queryset: QuerySet[Trigger]) -> None:
        self._switch(request, queryset, Status.PAUSED)

    @admin.action(description="Disable selected triggers")
    def disable(self, request: HttpRequest, queryset: QuerySet[Trigger]) -> None:
        self._switch(request, queryset, Status.DISABLED)

    def _switch(self, request: HttpRequest, queryset: QuerySet[Trigger], status: Status) -> None:
        for trigger_id in queryset.order_by("pk").values_list("pk", flat=True):
            try:
                update_trigger(trigger_id=trigger_id, values={"status": status}, now=clock.now())
            except ApiError as error:
                self.message_user(request, f"{trigger_id}: {error.message}", messages.ERROR)
            else:
                self.message_user(request, f"{trigger_id} is {status.value}.", messages.SUCCESS)


@admin.register(Firing)
class FiringAdmin(ModelAdmin):
    """Firings, to look at."""

    list_display = ("fired_at", "trigger_id", "customer_id", "event_type", "action_type", "outcome", "error")
    list_filter = ("outcome", "action_type")
    search_fields = ("=trigger_id", "=customer_id", "=event_id", "=id")
    search_help_text = "The whole id of a trigger, customer, event or firing"
    ordering = ("-fired_at", "-id")
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Firing | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Firing | None = None) -> bool:
        return False
