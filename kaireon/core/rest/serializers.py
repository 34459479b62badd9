"""Bodies are strict: an unknown field is refused, so that a misspelt one is never silently ignored."""

import difflib
from collections.abc import Mapping
from itertools import islice
from typing import Any

from rest_framework import serializers

from kaireon.core.errors import ValidationFailed

_MOST_UNKNOWN_TOLD = 20
_LONGEST_NAME_COMPARED = 100


class StrictSerializer(serializers.Serializer[Any]):
    """A serializer that refuses fields it does not know. Fields that are only read (createdAt …) may be sent back."""

    default_error_messages = {"required": "is required.", "null": "must not be null.", "invalid": "must be an object."}

    def to_internal_value(self, data: Any) -> Any:
        problems: dict[str, Any] = {}
        if isinstance(data, Mapping):
            unknown = (str(key) for key in data if key not in self.fields)
            problems = {key: [self._unknown(key)] for key in islice(unknown, _MOST_UNKNOWN_TOLD)}
        values: Any = None
        try:
            values = super().to_internal_value(data)
        except serializers.ValidationError as error:
            if isinstance(error.detail, dict):
                problems.update(error.detail)
            else:
                raise
        if problems:
            raise serializers.ValidationError(problems)
        return values

    def _unknown(self, key: str) -> str:
        known = [name for name, field in self.fields.items() if not field.read_only]
        if not known:
            return "is not a known field; there are none here."
        close = difflib.get_close_matches(key, known, n=1) if len(key) <= _LONGEST_NAME_COMPARED else []
        hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}."
        return f"is not a known field; {hint}"


def check_is_object(data: Any) -> None:
    """Raises ValidationFailed for a body that is a list, a text, null …"""
    if not isinstance(data, Mapping):
        raise ValidationFailed.at("", "The body must be a JSON object.")


def validated(serializer_class: type[StrictSerializer], data: Any, *, partial: bool = False) -> dict[str, Any]:
    """The checked values of `data`, by each field's source name. Raises ValidationFailed, DRF's ValidationError."""
    check_is_object(data)
    serializer = serializer_class(data=data, partial=partial)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)
