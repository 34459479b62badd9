"""Deliveries and attempts as they are shown: `{{secret.name}}` in the place of each secret."""

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from kaireon.core import clock
from kaireon.delivery.models import Attempt, Circuit, CircuitState, Delivery, Kind, Status


class AttemptSerializer(serializers.ModelSerializer[Attempt]):
    """One attempt."""

    startedAt = serializers.DateTimeField(source="started_at")
    durationMs = serializers.FloatField(source="duration_ms")
    responseStatus = serializers.IntegerField(source="response_status", allow_null=True)
    responseExcerpt = serializers.CharField(source="response_excerpt", help_text="The first 1 KiB of the answer.")
    manual = serializers.BooleanField(help_text="Asked for by hand.")

    class Meta:
        model = Attempt
        fields = (
            "number",
            "startedAt",
            "durationMs",
            "responseStatus",
            "responseExcerpt",
            "error",
            "manual",
        )
        read_only_fields = fields


class DeliverySerializer(serializers.Serializer[Delivery]):
    """A delivery. `reason` says why it is held, cancelled or dead, or waits for its receiver to answer again."""

    id = serializers.CharField(read_only=True)
    status = serializers.ChoiceField(choices=Status.choices, read_only=True)
    reason = serializers.CharField(source="shown_reason", read_only=True)
    triggerId = serializers.CharField(source="trigger_id", read_only=True, allow_null=True)
    firingId = serializers.CharField(source="firing_id", read_only=True)
    eventId = serializers.CharField(source="event_id", read_only=True)
    customerId = serializers.CharField(source="customer_id", read_only=True, allow_null=True)
    kind = serializers.ChoiceField(choices=Kind.choices, read_only=True)
    method = serializers.CharField(read_only=True)
    url = serializers.CharField(source="masked_url", read_only=True)
    headers = serializers.DictField(source="masked_headers", child=serializers.CharField(), read_only=True)
    body = serializers.JSONField(source="masked_body", read_only=True)
    attemptCount = serializers.IntegerField(source="attempts", read_only=True)
    nextAttemptAt = serializers.DateTimeField(source="shown_next_attempt_at", read_only=True, allow_null=True)
    lastStatus = serializers.IntegerField(source="last_status", read_only=True, allow_null=True)
    lastError = serializers.CharField(source="last_error", read_only=True)
    createdAt = serializers.DateTimeField(source="created_at", read_only=True)
    deliveredAt = serializers.DateTimeField(source="delivered_at", read_only=True, allow_null=True)


class DeliveryDetailSerializer(DeliverySerializer):
    """A delivery with its attempts, the first one first."""

    attempts = AttemptSerializer(source="attempt_log", many=True, read_only=True)


class HostSerializer(serializers.Serializer[Circuit]):
    """A receiver that has failed lately, and whether it is sent to."""

    host = serializers.CharField(read_only=True)
    state = serializers.SerializerMethodField()
    failuresInRow = serializers.IntegerField(source="failures", read_only=True)
    openedAt = serializers.DateTimeField(source="opened_at", read_only=True, allow_null=True)
    nextProbeAt = serializers.DateTimeField(source="probe_at", read_only=True, allow_null=True)
    waiting = serializers.SerializerMethodField()
    lastError = serializers.CharField(source="last_error", read_only=True)
    updatedAt = serializers.DateTimeField(source="updated_at", read_only=True)

    @extend_schema_field(serializers.ChoiceField(choices=CircuitState.choices))
    def get_state(self, circuit: Circuit) -> str:
        """One whose next probe is due, or on its way, is half open."""
        return circuit.state(now=clock.now()).value

    def get_waiting(self, circuit: Circuit) -> int:
        """Its pending deliveries, those included that are due later."""
        return int(getattr(circuit, "waiting", None) or 0)
