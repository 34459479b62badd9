"""Bodies of the secrets API."""

from typing import Any

from rest_framework import serializers

from kaireon.core.rest import StrictSerializer, Text
from kaireon.secrets.models import Secret
from kaireon.secrets.signing import CurrentSigningSecret
from kaireon.secrets.vault import MAX_VALUE_LENGTH


class SecretSerializer(serializers.Serializer[Secret]):
    """A secret as it is shown: without its value."""

    name = serializers.CharField(read_only=True)
    createdAt = serializers.DateTimeField(source="created_at", read_only=True)
    updatedAt = serializers.DateTimeField(source="updated_at", read_only=True)


class SecretValueSerializer(StrictSerializer):
    """A new value. Line breaks and NUL characters are refused."""

    value = Text(write_only=True, max_length=MAX_VALUE_LENGTH, trim_whitespace=False)


class NewSecretSerializer(SecretValueSerializer):
    """A new secret."""

    name = Text(max_length=64, trim_whitespace=False)

    def get_fields(self) -> dict[str, Any]:
        """The name first."""
        fields = super().get_fields()
        return {"name": fields["name"], "value": fields["value"]}


class SigningSecretSerializer(serializers.Serializer[CurrentSigningSecret]):
    """The signing secret. Until `previousValidUntil` webhooks carry the earlier secret's signature as well."""

    secret = serializers.CharField(
        read_only=True, help_text="whsec_ and base64, as Standard Webhooks libraries take it."
    )
    createdAt = serializers.DateTimeField(source="created_at", read_only=True)
    previousValidUntil = serializers.DateTimeField(source="previous_valid_until", read_only=True, allow_null=True)
