"""`entry_trigger`: where a journey begins, and by which events it enrols customers by itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rest_framework import serializers

from kaireon import conditions
from kaireon.core.errors import ValidationFailed
from kaireon.core.rest import IdText, JSONObjectField, StrictSerializer, Text, validated
from kaireon.customers.models import Segment
from kaireon.events.ingestion import EVENT_TYPE_RULE, is_event_type
from kaireon.journeys.nodes.base import NodeType, Scope, Seen, Step, Walk, parsed_condition, reads_customer, why

SEGMENT_ENTERED = "segment.entered"


class EntryConfig(StrictSerializer):
    """Config of an entry_trigger; empty: customers are enrolled by the API and by triggers alone."""

    segmentId = IdText(required=False)
    eventType = Text(required=False)
    condition = JSONObjectField(required=False, max_depth=64)

    def validate_eventType(self, value: str) -> str:  # noqa: N802  DRF derives the name from the field's
        """Any dotted name."""
        if not is_event_type(value):
            raise serializers.ValidationError(f"must be {EVENT_TYPE_RULE}.")
        return value


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry with its condition parsed."""

    segment_id: str | None
    event_type: str | None
    condition: conditions.Condition
    passes: conditions.Predicate

    @property
    def event_types(self) -> frozenset[str]:
        """The types of the events that may enrol a customer."""
        types = {self.event_type} if self.event_type else set()
        return frozenset(types | ({SEGMENT_ENTERED} if self.segment_id else set()))

    def admits(self, document: Mapping[str, Any]) -> bool:
        """Whether the event of this document (with `customer`, if the condition reads that) enrols its customer."""
        return self._concerns(document) and self.passes(document)

    def _concerns(self, document: Mapping[str, Any]) -> bool:
        event_type = document["eventType"]
        if event_type == SEGMENT_ENTERED and self.segment_id is not None:
            return bool(document.get("segmentId") == self.segment_id)
        return bool(event_type == self.event_type)


class EntryTrigger(NodeType[Entry]):
    """The event that enrols must be of the type, or tell that the segment was entered; and the condition must hold."""

    node_type = "entry_trigger"
    label = "Entry"
    config = EntryConfig

    def check(self, config: Mapping[str, Any]) -> dict[str, Any]:
        values = validated(EntryConfig, config)
        segment_id = values.get("segmentId")
        if segment_id is not None and not Segment.objects.filter(pk=segment_id).exists():
            raise ValidationFailed.at("segmentId", f"there is no segment {segment_id!r}; see GET /segments.")
        if "condition" in values:
            values["condition"] = parsed_condition(values["condition"], field_name="condition")
            if values["condition"] and not {"segmentId", "eventType"} & values.keys():
                raise ValidationFailed.at("condition", "has a meaning only with eventType or segmentId.")
        return values

    def prepare(self, config: Mapping[str, Any]) -> Entry:
        condition = conditions.parse(config.get("condition", {}))
        return Entry(config.get("segmentId"), config.get("eventType"), condition, conditions.compile(condition))

    def reads_customer(self, prepared: Entry) -> bool:
        return reads_customer(prepared.condition)

    def run(self, steps: Sequence[Step[Entry]], scope: Scope) -> list[bool | None]:
        for step in steps:
            event_id = step.traveller.event.get("eventId")
            step.traveller.note("enrolled", at=scope.now, **({"eventId": event_id} if event_id else {}))
        return [None] * len(steps)

    def look(self, prepared: Entry, walk: Walk) -> Seen:
        if not walk.is_event_given:
            return Seen("enrolled")
        document = {**walk.event, "customer": walk.attributes}
        if prepared.admits(document):
            return Seen("enrolled by the event")
        event_type = document["eventType"]
        if event_type not in prepared.event_types:
            return Seen(f"{event_type} enrols nobody here; enrolled by hand")
        problem = why(prepared.condition, document) or "the segment is another one"
        return Seen(f"the event enrols nobody, since {problem}; enrolled by hand")
