"""The shape of an entry, for OpenAPI; audit.representation fills it."""

from typing import Any

from rest_framework import serializers

from audit.models import Entry
from audit.representation import as_json


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
