"""`wait`: the customer stays for some hours, or until an event."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from rest_framework import serializers

from kaireon import conditions
from kaireon.core.clock import iso
from kaireon.core.errors import ValidationFailed
from kaireon.core.rest import JSONObjectField, StrictSerializer, Text, validated
from kaireon.events.ingestion import EVENT_TYPE_RULE, is_event_type
from kaireon.journeys.nodes.base import NodeType, Scope, Seen, Step, Walk, parsed_condition, reads_customer

MAX_DELAY_HOURS = 8760


class Hours(serializers.Field[Any, Any, Any, Any]):
    """A JSON number above 0, fractions allowed."""

    default_error_messages = {
        "required": "is required.",
        "null": "must not be null.",
        "hours": "must be a number above 0 and at most {most}.",
    }

    def to_internal_value(self, data: Any) -> int | float:
        if isinstance(data, bool) or not isinstance(data, int | float) or not 0 < data <= MAX_DELAY_HOURS:
            self.fail("hours", most=MAX_DELAY_HOURS)
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class WaitConfig(StrictSerializer):
    """Config of a wait."""

    delayHours = Hours()
    waitForEvent = Text(required=False)
    condition = JSONObjectField(required=False, max_depth=64)

    def validate_waitForEvent(self, value: str) -> str:  # noqa: N802  DRF derives the name from the field's
        """Any dotted name."""
        if not is_event_type(value):
            raise serializers.ValidationError(f"must be {EVENT_TYPE_RULE}.")
        return value


@dataclass(frozen=True, slots=True)
class Waiting:
    """A wait with its condition parsed. The condition is about the event that may end it."""

    delay: timedelta
    event_type: str
    condition: conditions.Condition
    passes: conditions.Predicate


class Wait(NodeType[Waiting]):
    """Ends after the delay, or with the event, whichever comes first."""

    node_type = "wait"
    label = "Wait"
    config = WaitConfig

    def check(self, config: Mapping[str, Any]) -> dict[str, Any]:
        values = validated(WaitConfig, config)
        if "condition" in values:
            values["condition"] = parsed_condition(values["condition"], field_name="condition")
            if values["condition"] and "waitForEvent" not in values:
                raise ValidationFailed.at("condition", "has a meaning only with waitForEvent.")
        return values

    def prepare(self, config: Mapping[str, Any]) -> Waiting:
        condition = conditions.parse(config.get("condition", {}))
        return Waiting(
            delay=timedelta(hours=config["delayHours"]),
            event_type=config.get("waitForEvent", ""),
            condition=condition,
            passes=conditions.compile(condition),
        )

    def reads_customer(self, prepared: Waiting) -> bool:
        return reads_customer(prepared.condition)

    def run(self, steps: Sequence[Step[Waiting]], scope: Scope) -> list[bool | None]:
        for step in steps:
            traveller, waiting = step.traveller, step.prepared
            traveller.wait(until=scope.now + waiting.delay, waiting_for=waiting.event_type)
            assert traveller.resume_at is not None
            event = {"waitingFor": waiting.event_type} if waiting.event_type else {}
            traveller.note("waiting", at=scope.now, until=iso(traveller.resume_at), **event)
        return [None] * len(steps)

    def look(self, prepared: Waiting, walk: Walk) -> Seen:
        hours = f"{prepared.delay / timedelta(hours=1):g} h"
        until = f", or until {prepared.event_type}" if prepared.event_type else ""
        return Seen(f"waits {hours}{until}; passed")
