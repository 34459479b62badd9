"""Triggers and firings in Django admin. Forms check and save by the same functions as the API."""

import json
import re
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from kaireon.core import clock
from kaireon.core.admin import ReadOnlyAdmin, pretty_json
from kaireon.core.errors import ApiError, InvalidTransition, ValidationFailed
from triggers.actions.registry import actions
from triggers.definition import JSON_NAMES, priority_band, read_definition
from triggers.lifecycle import check_transition, create_trigger, delete_trigger, update_trigger
from triggers.models import Firing, Status, Trigger


class PrettyJSONField(forms.JSONField):
    """JSON to be edited by hand: indented, and in a typewriter's letters."""

    def __init__(self, **kwargs: Any) -> None:
        attributes = {"rows": 12, "class": "font-mono", "spellcheck": "false"}
        super().__init__(widget=UnfoldAdminTextareaWidget(attrs=attributes), **kwargs)

    def prepare_value(self, value: Any) -> Any:
        """What was typed stays as it was typed, right or wrong."""
        return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


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
        self.fields["action_type"] = forms.ChoiceField(choices=names, widget=UnfoldAdminSelectWidget)
        self.fields["description"].widget.attrs["rows"] = 2
        for name in ("condition", "action_config"):
            self.fields[name] = PrettyJSONField(required=False, help_text=self.fields[name].help_text)

    def clean(self) -> dict[str, Any]:
        """Puts each problem at its field, with the path behind it."""
        values: dict[str, Any] = super().clean() or {}
        body = {JSON_NAMES.get(name, name): value for name, value in values.items()}
        for name in ("condition", "actionConfig"):
            body[name] = body.get(name) or {}
        if self.errors:
            return values
        try:
            self.definition = read_definition(body, existing=self.instance if self.instance.pk else None)
            if self.instance.pk:
                check_transition(self.instance.status, self.definition["status"])
        except ValidationFailed as error:
            for detail in error.details:
                self._add_problem(detail.field, detail.message)
        except InvalidTransition as error:
            self.add_error("status", error.message)
        return values

    def _add_problem(self, path: str, message: str) -> None:
        head = re.split(r"[.\[]", path, maxsplit=1)[0]
        name = next((python for python, json in JSON_NAMES.items() if json == head), head)
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
    fieldsets = (
        (None, {"fields": ("name", "description", ("status", "priority", "cooldown_ms"))}),
        ("When and if", {"fields": ("event_type", "condition")}),
        ("Then", {"fields": ("action_type", "action_config")}),
        ("Facts", {"fields": (("id", "version"), ("created_at", "updated_at"))}),
    )
    actions = ("resume", "pause", "disable")

    @admin.display(description="priority", ordering="priority")
    def priority_in_words(self, trigger: Trigger) -> str:
        return f"{priority_band(trigger.priority)} {trigger.priority}"

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """What only saving can tell, such as an id that was taken meanwhile, is said above the form."""
        try:
            response: HttpResponse = super().changeform_view(request, object_id, form_url, extra_context)
        except ApiError as error:
            self.message_user(request, error.message, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())
        return response

    def save_model(self, request: HttpRequest, obj: Trigger, form: TriggerForm, change: bool) -> None:
        """Saves by the functions that the API uses, in the place of Django's own save."""
        if change:
            saved = update_trigger(trigger_id=obj.pk, values=form.definition, now=clock.now())
        else:
            saved = create_trigger(values=form.definition, now=clock.now())
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
class FiringAdmin(ReadOnlyAdmin):
    """Firings, to look at."""

    list_display = ("fired_at", "trigger_id", "customer_id", "event_type", "action_type", "outcome", "error")
    list_filter = ("outcome", "action_type")
    search_fields = ("=trigger_id", "=customer_id", "=event_id", "=id")
    search_help_text = "The whole id of a trigger, customer, event or firing"
    ordering = ("-fired_at", "-id")
    fields = (
        ("id", "outcome"),
        ("trigger_id", "trigger_version"),
        ("event_id", "event_type", "customer_id"),
        ("action_type", "fired_at", "duration_ms"),
        "shown_detail",
        "error",
    )
    readonly_fields = ("shown_detail",)

    @admin.display(description="detail")
    def shown_detail(self, firing: Firing) -> SafeString:
        return pretty_json(firing.detail)
