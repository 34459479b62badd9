"""A trigger as callers write it: every rule that a saved trigger obeys, for the API, Studio and admin alike."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from kaireon import conditions
from kaireon.core.errors import ApiError, Detail, ValidationFailed, join_path
from kaireon.core.rest import Choice, IdText, JSONObjectField, Line, StrictSerializer, Text, Whole, check_is_object
from kaireon.core.rest.exceptions import flatten
from kaireon.events.ingestion import EVENT_TYPE, EVENT_TYPE_MAX_LENGTH, EVENT_TYPE_RULE, is_event_type
from triggers.actions import registry
from triggers.models import Status, Trigger

_END = r"\Z"
MAX_COOLDOWN_MS = 10 * 365 * 24 * 3600 * 1000
PRIORITY_BANDS = ((90, "Critical"), (70, "High"), (40, "Medium"), (1, "Low"))


@extend_schema_field(
    {"type": "string", "maxLength": EVENT_TYPE_MAX_LENGTH, "pattern": f"^{EVENT_TYPE.pattern.replace(_END, '$')}"}
)
class EventTypeText(Text):
    """Any dotted name: the platform's types and the user's own."""

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not is_event_type(text):
            raise serializers.ValidationError(f"must be {EVENT_TYPE_RULE}.", code="event_type")
        return text


class TriggerDefinition(StrictSerializer):
    """The body of POST, PUT and PATCH."""

    id = IdText(required=False)
    name = Line(max_length=255)
    description = Text(allow_blank=True, default="", max_length=5000)
    eventType = EventTypeText(source="event_type")
    # The grammar bounds a condition's depth and says so with a path; the bound here is only there against abuse.
    condition = JSONObjectField(default=dict, max_depth=64)
    actionType = Text(source="action_type")
    actionConfig = JSONObjectField(source="action_config", default=dict)
    priority = Whole(min_value=0, max_value=100, default=50)
    cooldownMs = Whole(source="cooldown_ms", min_value=0, max_value=MAX_COOLDOWN_MS, default=0)
    status = Choice(Status.choices, default=Status.ACTIVE)
    version = Whole(
        required=False, help_text="On a change: refused with 409 if the trigger has another version by now."
    )
    createdAt = serializers.DateTimeField(source="created_at", read_only=True)
    updatedAt = serializers.DateTimeField(source="updated_at", read_only=True)

    def validate_condition(self, value: dict[str, Any]) -> dict[str, Any]:
        """Parsed on save; the path of a problem goes on behind `condition`."""
        try:
            return conditions.to_json(conditions.parse(value))
        except conditions.ConditionError as error:
            problems = [Detail(problem.path, problem.message) for problem in error.problems]
        raise serializers.ValidationError({detail.field or "non_field_errors": [detail.message] for detail in problems})


JSON_NAMES = {field.source or name: name for name, field in TriggerDefinition().fields.items()}
"""What each of a trigger's fields is called in JSON, by its name in Python."""


def read_definition(body: Any, *, existing: Trigger | None = None) -> dict[str, Any]:
    """The checked model values in `body`; for a change of `existing`, only those that were given.

    Raises ValidationFailed with every problem that it finds.
    """
    check_is_object(body)
    body = _without_alias(body)
    serializer = TriggerDefinition(data=body, partial=existing is not None)
    problems: list[Detail] = []
    if not serializer.is_valid():
        problems = flatten(serializer.errors)
    action_config, problems_of_action = _read_action(body, existing, {detail.field for detail in problems})
    problems += problems_of_action
    if problems:
        raise ValidationFailed.of(problems)
    values: dict[str, Any] = dict(serializer.validated_data)
    if action_config is not None:
        values["action_config"] = action_config
    return values


def _without_alias(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The specification writes `config` in its snippets of actions, and `actionConfig` everywhere else."""
    if "config" not in body:
        return body
    if "actionConfig" in body:
        raise ValidationFailed.at("config", "is another name of actionConfig; send one of them.")
    return {("actionConfig" if key == "config" else key): value for key, value in body.items()}


def _read_action(
    body: Mapping[str, Any], existing: Trigger | None, reported: set[str]
) -> tuple[dict[str, Any] | None, list[Detail]]:
    """The config as it is stored, None where a change leaves the action alone; and what is wrong with the action, where
    its type and config are of the right JSON types and within bounds.
    """
    if any(path.startswith(("actionType", "actionConfig")) for path in reported):
        return None, []
    if existing is not None and not {"actionType", "actionConfig"} & body.keys():
        return None, []
    try:
        return _action_config(body, existing), []
    except ApiError as error:
        return None, error.details


def _action_config(body: Mapping[str, Any], existing: Trigger | None) -> dict[str, Any]:
    action_type = body.get("actionType", existing.action_type if existing else None)
    config = body.get("actionConfig", existing.action_config if existing else {})
    action = registry.find(action_type)
    try:
        return action.check(config)
    except ValidationFailed as error:
        raise error.under("actionConfig") from None
    except serializers.ValidationError as error:
        raise ValidationFailed.of(
            [Detail(join_path("actionConfig", detail.field), detail.message) for detail in flatten(error.detail)]
        ) from None


def priority_band(priority: int) -> str:
    """The specification's word for a priority; 0 belongs to no band."""
    return next((word for lowest, word in PRIORITY_BANDS if priority >= lowest), "None")
