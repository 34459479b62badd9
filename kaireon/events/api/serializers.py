"""Bodies of the events' routes."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from kaireon.core.rest import JSONObjectField, StrictSerializer
from kaireon.events.consumers import Decision
from kaireon.events.ingestion import EVENT_ID, EVENT_TYPE, EVENT_TYPE_MAX_LENGTH
from kaireon.events.ledgers import whole_ledger
from kaireon.events.models import Event, EventStatus, StreamDeadLetter, StreamProgress


class SentEvent(StrictSerializer):
    """An event as it is sent."""

    eventId = serializers.RegexField(f"^{EVENT_ID.pattern}", required=False, allow_null=True)
    eventType = serializers.RegexField(f"^{EVENT_TYPE.pattern}", max_length=EVENT_TYPE_MAX_LENGTH)
    customerId = serializers.CharField(required=False, allow_null=True, max_length=255)
    timestamp = serializers.DateTimeField(required=False, allow_null=True)
    properties = JSONObjectField(required=False, allow_null=True)


class EventResult(serializers.Serializer[Any]):
    """What became of one sent event."""

    eventId = serializers.CharField()
    eventType = serializers.CharField()
    status = serializers.ChoiceField(choices=["accepted", "duplicate"])


class IngestionResult(serializers.Serializer[Any]):
    """The answer to events."""

    accepted = serializers.IntegerField()
    duplicates = serializers.IntegerField()
    results = EventResult(many=True)


class DecisionBody(serializers.Serializer[Any]):
    """A line of the ledger."""

    triggerId = serializers.CharField()
    version = serializers.IntegerField()
    decision = serializers.ChoiceField(
        choices=["fired", "condition_false", "cooldown", "missing_customer", "loop_stopped", "action_failed"]
    )
    until = serializers.DateTimeField(required=False)
    firingId = serializers.CharField(required=False)
    reason = serializers.CharField(required=False)


class EventSummary(serializers.ModelSerializer[Event]):
    """An event in a list."""

    eventId = serializers.CharField(source="event_id")
    eventType = serializers.CharField(source="event_type")
    customerId = serializers.CharField(source="customer_id", allow_null=True)
    timestamp = serializers.DateTimeField(source="occurred_at")
    receivedAt = serializers.DateTimeField(source="received_at")
    properties = JSONObjectField()
    causedBy = serializers.SerializerMethodField()
    status = serializers.ChoiceField(choices=EventStatus.choices)
    processedAt = serializers.DateTimeField(source="processed_at", allow_null=True)
    nextAttemptAt = serializers.DateTimeField(source="next_attempt_at", allow_null=True)
    error = serializers.SerializerMethodField()

    class Meta:
        model = Event
        fields: tuple[str, ...] = (
            "eventId",
            "eventType",
            "customerId",
            "timestamp",
            "receivedAt",
            "properties",
            "source",
            "causedBy",
            "depth",
            "status",
            "attempts",
            "nextAttemptAt",
            "processedAt",
            "error",
        )

    def get_causedBy(self, event: Event) -> str | None:  # noqa: N802  DRF derives the name from the field's
        return event.cause or None

    def get_error(self, event: Event) -> str | None:
        return event.error or None


class EventDetail(EventSummary):
    """One event with its ledger."""

    decisions = serializers.SerializerMethodField()

    class Meta(EventSummary.Meta):
        fields: tuple[str, ...] = (*EventSummary.Meta.fields, "decisions")

    @extend_schema_field(DecisionBody(many=True))
    def get_decisions(self, event: Event) -> list[Decision]:
        return whole_ledger(event)


class StreamProgressBody(serializers.ModelSerializer[StreamProgress]):
    """How far a group has come in a stream."""

    lastPosition = serializers.CharField(source="last_position")
    lag = serializers.IntegerField(allow_null=True)
    ratePerSecond = serializers.FloatField(source="rate_per_second")
    eventsStored = serializers.IntegerField(source="events_stored")
    duplicates = serializers.IntegerField()
    deadLetters = serializers.IntegerField(source="dead_letters")
    updatedAt = serializers.DateTimeField(source="updated_at")

    class Meta:
        model = StreamProgress
        fields = (
            "source",
            "stream",
            "group",
            "lastPosition",
            "lag",
            "ratePerSecond",
            "eventsStored",
            "duplicates",
            "deadLetters",
            "updatedAt",
        )


class StreamDeadLetterBody(serializers.ModelSerializer[StreamDeadLetter]):
    """A message that could not become an event, and why."""

    receivedAt = serializers.DateTimeField(source="received_at")

    class Meta:
        model = StreamDeadLetter
        fields = ("id", "source", "position", "reason", "payload", "receivedAt")
