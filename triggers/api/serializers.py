"""Bodies of the triggers' routes; a trigger's own body is `triggers.definition.TriggerDefinition`."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from kaireon.core.rest import JSONObjectField, JSONValueField, StrictSerializer
from triggers.chain import NODE_TYPES, Chain, Node
from triggers.engine.decisions import Verdict
from triggers.engine.dry_run import NOT_MATCHED, DryRun
from triggers.models import Firing, Outcome


class FiringBody(serializers.ModelSerializer[Firing]):
    """One firing."""

    triggerId = serializers.CharField(source="trigger_id")
    triggerVersion = serializers.IntegerField(source="trigger_version")
    eventId = serializers.CharField(source="event_id")
    eventType = serializers.CharField(source="event_type")
    customerId = serializers.CharField(source="customer_id", allow_null=True)
    actionType = serializers.CharField(source="action_type")
    outcome = serializers.ChoiceField(choices=Outcome.choices)
    detail = JSONObjectField()
    error = serializers.SerializerMethodField()
    firedAt = serializers.DateTimeField(source="fired_at")
    durationMs = serializers.FloatField(source="duration_ms")

    class Meta:
        model = Firing
        fields = (
            "id",
            "triggerId",
            "triggerVersion",
            "eventId",
            "eventType",
            "customerId",
            "actionType",
            "outcome",
            "detail",
            "error",
            "firedAt",
            "durationMs",
        )

    def get_error(self, firing: Firing) -> str | None:
        return firing.error or None


class DryRunRequest(StrictSerializer):
    """An event to try; without eventType the trigger's own is taken."""

    eventPayload = JSONObjectField(max_bytes=128 * 1024, max_depth=20)


class LeafBody(serializers.Serializer[Any]):
    """One leaf of the condition, with the value that was found."""

    path = serializers.CharField()
    field = serializers.CharField()
    operator = serializers.CharField()
    expected = JSONValueField()
    actual = JSONValueField()
    passed = serializers.BooleanField()
    reason = serializers.CharField()


class CooldownBody(serializers.Serializer[Any]):
    """The cooldown for the event's customer."""

    active = serializers.BooleanField()
    until = serializers.DateTimeField(allow_null=True)


class DryRunBody(serializers.Serializer[Any]):
    """What the trigger would do."""

    wouldFire = serializers.BooleanField(source="would_fire")
    decision = serializers.ChoiceField(choices=[*(verdict.value for verdict in Verdict), NOT_MATCHED])
    reason = serializers.CharField()
    trace = LeafBody(source="explanation.leaves", many=True)
    cooldown = serializers.SerializerMethodField()
    action = JSONObjectField(allow_null=True)

    @extend_schema_field(CooldownBody)
    def get_cooldown(self, dry_run: DryRun) -> Any:
        until = dry_run.cooldown_until
        return CooldownBody({"active": until is not None, "until": until}).data


class ChainNodeBody(serializers.Serializer[Node]):
    """A member of a chain with the facts that its type has."""

    type = serializers.ChoiceField(choices=NODE_TYPES)
    id = serializers.CharField()
    parent = serializers.CharField(allow_null=True)  # type: ignore[assignment]  # DRF takes it out of the class
    depth = serializers.IntegerField(allow_null=True)
    at = serializers.DateTimeField(allow_null=True)
    customerId = serializers.CharField(required=False, allow_null=True)
    eventType = serializers.CharField(required=False)
    triggerId = serializers.CharField(required=False)
    actionType = serializers.CharField(required=False)
    outcome = serializers.ChoiceField(choices=Outcome.choices, required=False)
    journeyId = serializers.CharField(required=False)
    decisionFlowId = serializers.CharField(required=False)
    channelId = serializers.CharField(required=False)
    status = serializers.CharField(required=False)

    def to_representation(self, instance: Node) -> dict[str, Any]:
        at = self.fields["at"].to_representation(instance.at) if instance.at else None
        common = {
            "type": instance.type,
            "id": instance.id,
            "parent": instance.parent,
            "depth": instance.depth,
            "at": at,
        }
        return {**common, **instance.facts}


class ChainBody(serializers.Serializer[Chain]):
    """The members of a chain, those nearest to its root first."""

    root = serializers.CharField(source="root.id")  # type: ignore[assignment]  # as above
    nodes = ChainNodeBody(many=True)
    truncated = serializers.BooleanField()
