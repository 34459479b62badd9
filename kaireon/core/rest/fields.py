"""Serializer fields that take JSON's own types and coerce nothing: "75" is no number, 1 is no flag."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from kaireon.core.errors import ValidationFailed
from kaireon.core.ids import GIVEN_ID, GIVEN_ID_RULE, ID_MAX_LENGTH
from kaireon.core.json_values import check_json

DEFAULT_MAX_BYTES = 64 * 1024
DEFAULT_MAX_DEPTH = 16


class Text(serializers.CharField):
    """A JSON string."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise serializers.ValidationError("must be text.", code="type")
        return super().to_internal_value(data)


class IdText(Text):
    """An id that the caller may choose."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=ID_MAX_LENGTH, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not GIVEN_ID.match(text):
            raise serializers.ValidationError(f"must be {GIVEN_ID_RULE}.", code="id")
        return text


class Whole(serializers.IntegerField):
    """A JSON number without a fraction; 75.0 is 75."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int | float) or data != data // 1:
            raise serializers.ValidationError("must be a whole number.", code="type")
        return super().to_internal_value(int(data))


class Flag(serializers.BooleanField):
    """JSON's true or false."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            raise serializers.ValidationError("must be true or false.", code="type")
        return data


@extend_schema_field(OpenApiTypes.ANY)
class JSONValueField(serializers.Field[Any, Any, Any, Any]):
    """Any JSON value within bounds; what it means is checked by the domain."""

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

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            raise serializers.ValidationError("must be an object.", code="type")
        return super().to_internal_value(data)


def _nested(error: ValidationFailed) -> dict[str, list[str]] | list[str]:
    detail = error.details[0]
    return {detail.field: [detail.message]} if detail.field else [detail.message]
