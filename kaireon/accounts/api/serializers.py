"""API keys as JSON."""

from rest_framework import serializers

from kaireon.accounts.models import ApiKey
from kaireon.accounts.roles import Role
from kaireon.core.rest import Choice, Line, StrictSerializer


class KeySerializer(serializers.Serializer[ApiKey]):
    """A key as it is listed: by its first characters, never the whole."""

    id = serializers.CharField()
    name = serializers.CharField()
    role = serializers.ChoiceField(Role.values)
    prefix = serializers.CharField()
    createdAt = serializers.DateTimeField(source="created_at")
    lastUsedAt = serializers.DateTimeField(source="last_used_at", allow_null=True)
    revokedAt = serializers.DateTimeField(source="revoked_at", allow_null=True)


class IssuedKeySerializer(KeySerializer):
    """A key in the one answer that shows all of it."""

    key = serializers.CharField(help_text="Keep it safe: it is not shown again.")


class NewKeySerializer(StrictSerializer):
    """The body of POST /keys."""

    name = Line(max_length=255, help_text="What the key is for, as the audit log will show it.")
    role = Choice(Role.values)
