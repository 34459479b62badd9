"""Serializer fields that take JSON's own types and coerce nothing: "75" is no number, 1 is no flag.

Their refusals go on where a field's path ends: "priority: must be a whole number."
"""

import re
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from kaireon.core.errors import ValidationFailed
from kaireon.core.ids import GIVEN_ID, GIVEN_ID_RULE, ID_MAX_LENGTH
from kaireon.core.json_values import check_json

DEFAULT_MAX_BYTES = 64 * 1024
DEFAULT_MAX_DEPTH = 16
_END = r"\Z"
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_OF_EVERY_FIELD = {"required": "is required.", "null": "must not be null."}


class Text(serializers.CharField):
    """A JSON string."""

    default_error_messages = {
        **_OF_EVERY_FIELD,
        "type": "must be text.",
        "blank": "must not be empty.",
        "max_length": "must have at most {max_length} characters.",
        "min_length": "must have at least {min_length} characters.",
    }

    def run_validation(self, data: Any = serializers.empty) -> Any:
        # Before DRF, which looks for blanks in the text of whatever it is given, however large or deep.
        if data is not serializers.empty and data is not None and not isinstance(data, str):
            self.fail("type")
        return super().run_validation(data)


class Line(Text):
    """A name: text on one line, as it will stand in lists, logs and spreadsheets."""

    default_error_messages = {"control": "must not contain line breaks or other control characters."}

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if _CONTROL.search(text):
            self.fail("control")
        return text


@extend_schema_field({"type": "string", "pattern": f"^{GIVEN_ID.pattern.removesuffix(_END)}$"})
class IdText(Text):
    """An id that the caller may choose."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=ID_MAX_LENGTH, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not GIVEN_ID.match(text):
            raise serializers.ValidationError(f"must be {GIVEN_ID_RULE}.", code="id")
        return text


class Choice(serializers.ChoiceField):
    """One of `choices`, each of them text."""

    default_error_messages = {**_OF_EVERY_FIELD, "invalid_choice": "must be one of {choices}."}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or data not in self.choices:
            self.fail("invalid_choice", choices=", ".join(self.choices))
        return data


class Whole(serializers.IntegerField):
    """A JSON number without a fraction; 75.0 is 75."""

    default_error_messages = {
        **_OF_EVERY_FIELD,
        "type": "must be a whole number.",
        "max_value": "must be at most {max_value}.",
        "min_value": "must be at least {min_value}.",
    }

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int | float) or data != data // 1:
            self.fail("type")
        return super().to_internal_value(int(data))


class Flag(serializers.BooleanField):
    """JSON's true or false."""

    default_error_messages = {**_OF_EVERY_FIELD, "type": "must be true or false."}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("type")
        return data


class Items(serializers.ListField):
    """A JSON array of 1 to `max_length` members."""

    default_error_messages = {
        **_OF_EVERY_FIELD,
        "not_a_list": "must be a list.",
        "count": "must have 1 to {max_length} members, not {length}.",
    }

    def __init__(self, *, child: serializers.Field[Any, Any, Any, Any], max_length: int, **kwargs: Any) -> None:
        super().__init__(child=child, min_length=1, max_length=max_length, **kwargs)

    def to_internal_value(self, data: Any) -> list[Any]:
        # Counted before any of them is looked at: a body has room for a million.
        if isinstance(data, list) and not 1 <= len(data) <= (self.max_length or 0):
            self.fail("count", max_length=self.max_length, length=len(data))
        found: list[Any] = super().to_internal_value(data)
        return found


@extend_schema_field(OpenApiTypes.ANY)
class JSONValueField(serializers.Field[Any, Any, Any, Any]):
    """Any JSON value within bounds; what it means is checked by the domain."""

    default_error_messages = {**_OF_EVERY_FIELD}

    def __init__(
        self, *, max_bytes: int = DEFAULT_MAX_BYTES, max_depth: int = DEFAULT_MAX_DEPTH, **kwargs: Any
    ) -> None:
        self.max_bytes = max_bytes
        self.max_depth = max_depth
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> Any:
        try:
            check_json(data, path="", max_bytes=self.max_bytes, max_depth=self.max_depth)
        except ValidationFailed as error:
            raise serializers.ValidationError(_nested(error)) from None
        return data

    def to_representation(self, value: Any) -> Any:
        return value


@extend_schema_field(OpenApiTypes.OBJECT)
class JSONObjectField(JSONValueField):
    """A JSON object within bounds."""

    default_error_messages = {"type": "must be an object."}

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            self.fail("type")
        return super().to_internal_value(data)


def _nested(error: ValidationFailed) -> dict[str, list[str]] | list[str]:
    detail = error.details[0]
    return {detail.field: [detail.message]} if detail.field else [detail.message]
