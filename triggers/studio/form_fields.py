"""The fields of a trigger: the API's body in the shape of a form, and back, without a rule of its own."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.http import QueryDict

from kaireon.core.errors import Detail
from kaireon.studio.forms import BodyForm, JSONText
from triggers.definition import priority_band
from triggers.models import Status, Trigger
from triggers.studio import cooldowns
from triggers.studio.action_forms.base import ActionForm, FieldProblem, find_targets
from triggers.studio.action_forms.registry import action_forms

_BODY_FIELDS = {
    "name": "name",
    "description": "description",
    "eventType": "event_type",
    "condition": "condition",
    "actionType": "action_type",
    "priority": "priority",
    "cooldownMs": "cooldown_ms",
    "version": "version",
}
_EMPTY = {"required": "Must not be empty."}


class TriggerForm(BodyForm):
    """All fields of a trigger, those of every type of action among them; only the chosen type's count."""

    paths: ClassVar[Mapping[str, str]] = {"cooldownMs": "cooldown_amount"}

    name = forms.CharField(
        label="Name", error_messages=_EMPTY, widget=forms.TextInput(attrs={"maxlength": 255, "autocomplete": "off"})
    )
    description = forms.CharField(
        label="Description", required=False, widget=forms.Textarea(attrs={"rows": 2, "maxlength": 5000})
    )
    event_type = forms.CharField(
        label="Event type",
        error_messages=_EMPTY,
        widget=forms.TextInput(
            attrs={
                "list": "event-types",
                "autocomplete": "off",
                "autocapitalize": "off",
                "spellcheck": "false",
                "placeholder": "outcome.recorded",
            }
        ),
    )
    condition = JSONText(empty={}, label="Condition")
    action_type = forms.ChoiceField(
        label="Action", widget=forms.RadioSelect, error_messages={"required": "Choose what the trigger does."}
    )
    cooldown_amount = forms.CharField(
        label="Amount",
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "aria-label": "Cooldown, amount"}),
    )
    cooldown_unit = forms.ChoiceField(
        label="Unit", choices=cooldowns.UNITS, widget=forms.Select(attrs={"aria-label": "Cooldown, unit"})
    )
    priority = forms.IntegerField(
        label="Priority",
        error_messages=_EMPTY,
        widget=forms.NumberInput(attrs={"min": 0, "max": 100, "inputmode": "numeric"}),
    )
    is_active = forms.BooleanField(label="Active", required=False, widget=forms.CheckboxInput(attrs={"role": "switch"}))
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(
        self, data: QueryDict | None = None, *, trigger: Trigger, stored: Trigger | None = None, is_recipe: bool = False
    ) -> None:
        """`trigger` fills the form; `stored` is the saved trigger that it changes, if it is one."""
        self.trigger = trigger
        self.stored = stored
        super().__init__(data, initial=_fields_of(trigger))
        self.use_required_attribute = False
        self._choice_field("action_type").choices = [(name, name) for name in action_forms()]
        chosen = str(self["action_type"].value() or "")
        self.actions: list[ActionForm] = [
            form(
                data,
                config=trigger.action_config if trigger.action_type == name else None,
                is_chosen=name == chosen,
                is_recipe=is_recipe,
            )
            for name, form in action_forms().items()
        ]

    @property
    def action(self) -> ActionForm | None:
        """The fields of the chosen type of action."""
        return next((action for action in self.actions if action.is_chosen), None)

    @property
    def band(self) -> str:
        """The word for the priority that stands in the field; empty for what is no number."""
        text = str(self["priority"].value() or 0)
        return priority_band(int(text)) if text.isdecimal() and len(text) <= 3 else ""

    def is_valid(self) -> bool:
        """Whether every field that counts could be read."""
        is_valid = super().is_valid()
        return (self.action is None or self.action.is_valid()) and is_valid

    def clean_description(self) -> str:
        """Browsers send line breaks as two characters."""
        text: str = self.cleaned_data["description"].replace("\r\n", "\n")
        if self.stored and text == self.stored.description.replace("\r\n", "\n"):
            return self.stored.description
        return text

    def clean(self) -> dict[str, Any]:
        """Amount and unit make milliseconds."""
        data = self.cleaned_data
        if "cooldown_unit" in data:
            try:
                data["cooldown_ms"] = cooldowns.to_ms(data.get("cooldown_amount", ""), data["cooldown_unit"])
            except cooldowns.NotACooldown as error:
                self.add_error("cooldown_amount", str(error))
        return data

    def body(self) -> dict[str, Any]:
        """What the API would be sent, of all that could be read: to be called on a form with problems as well."""
        data = self.cleaned_data
        body = {key: data[name] for key, name in _BODY_FIELDS.items() if data.get(name) is not None}
        if self.action is not None:
            body["actionConfig"] = self.action.body()
        body["status"] = self._status()
        return body

    def _status(self) -> str:
        """Off means paused; what is disabled stays so until it is switched on."""
        if self.cleaned_data.get("is_active"):
            return Status.ACTIVE.value
        if self.stored is not None and self.stored.status != Status.ACTIVE:
            return self.stored.status
        return Status.PAUSED.value

    def show(self, details: list[Detail]) -> None:
        """Puts each problem to its field; a field that could not be read has its problem already."""
        own = [detail for detail in details if not detail.field.startswith("actionConfig")]
        super().show([detail for detail in own if self._field_of(detail.field)[0] not in self.errors])
        of_action = [
            Detail(detail.field.removeprefix("actionConfig").lstrip("."), detail.message)
            for detail in details
            if detail.field.startswith("actionConfig")
        ]
        if self.action is not None:
            known = self.action.errors
            self.action.show([one for one in of_action if self.action.field_of(one.field) not in known])

    def offer_choices(self) -> None:
        """Puts what there is to choose from into the lists, for a page that shows the form."""
        found = find_targets(self.actions)
        for action in self.actions:
            action.offer_choices(found.get(action.action_type, {}))

    def forget_problems(self) -> None:
        """Nothing was asked of the form yet: what was typed is shown again as it is."""
        for form in (self, *self.actions):
            form.errors.clear()

    def problems(self) -> list[FieldProblem]:
        """All problems that belong to a field, in the order of the page."""
        found = [
            FieldProblem(str(self.fields[name].label), str(text), self._anchor(name))
            for name in self.fields
            for text in self.errors.get(name, ())
        ]
        if self.action is not None:
            found += self.action.problems()
        return found

    def general_problems(self) -> list[str]:
        """The problems that belong to no field."""
        of_action = self.action.non_field_errors() if self.action is not None else []
        return [str(text) for text in [*self.non_field_errors(), *of_action]]

    def _anchor(self, name: str) -> str:
        return f"id_{name}_0" if name == "action_type" else f"id_{name}"

    def _choice_field(self, name: str) -> forms.ChoiceField:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        return field


def _fields_of(trigger: Trigger) -> dict[str, Any]:
    amount, unit = cooldowns.to_fields(trigger.cooldown_ms)
    return {
        "name": trigger.name,
        "description": trigger.description,
        "event_type": trigger.event_type,
        "condition": trigger.condition,
        "action_type": trigger.action_type,
        "cooldown_amount": amount,
        "cooldown_unit": unit,
        "priority": trigger.priority,
        "is_active": trigger.status == Status.ACTIVE,
        "version": trigger.version,
    }
