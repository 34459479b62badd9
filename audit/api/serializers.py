"""The shapes of an entry, which audit.representation fills, and of what verifying has found."""

from typing import Any

from rest_framework import serializers

from audit.models import Entry, Seal
from audit.representation import as_json
from audit.verification import Finding, Kind, Report


class EntrySerializer(serializers.Serializer[Entry]):
    """One fact."""

    id = serializers.CharField()
    at = serializers.DateTimeField()
    action = serializers.CharField()
    actor = serializers.CharField()
    subject = serializers.CharField(allow_null=True)
    triggerId = serializers.CharField(allow_null=True)
    customerId = serializers.CharField(allow_null=True)
    eventType = serializers.CharField(allow_null=True)
    eventId = serializers.CharField(allow_null=True)
    actionTaken = serializers.CharField(allow_null=True)
    outcome = serializers.CharField(allow_null=True)
    facts = serializers.JSONField()
    requestId = serializers.CharField(allow_null=True)

    def to_representation(self, instance: Entry) -> dict[str, Any]:
        """The entry as every door shows it."""
        return as_json(instance)


class FindingBody(serializers.Serializer[Finding]):
    """One thing that is not as it was sealed."""

    kind = serializers.ChoiceField([kind.value for kind in Kind])
    sealNumber = serializers.IntegerField(source="seal")
    entryId = serializers.CharField(source="entry_id", allow_null=True)
    message = serializers.CharField()


class SealedBody(serializers.Serializer[Seal]):
    """How far the log is sealed."""

    head = serializers.CharField()
    entryId = serializers.CharField(source="last_id")
    sealedAt = serializers.DateTimeField(source="sealed_at")


class ReportBody(serializers.Serializer[Report]):
    """What a call has verified. `nextSeal` is null where it came to the end of the chain."""

    isIntact = serializers.BooleanField(source="is_intact")
    findings = FindingBody(many=True)
    findingCount = serializers.IntegerField(source="finding_count")
    fromSeal = serializers.IntegerField(source="first_seal")
    toSeal = serializers.IntegerField(source="last_seal", allow_null=True)
    nextSeal = serializers.IntegerField(source="next_seal", allow_null=True)
    entries = serializers.IntegerField()
    sealed = SealedBody(source="newest", allow_null=True)
