"""Serializer fields of amounts and moments."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from kaireon.core.clock import parse_moment
from kaireon.decisioning.amounts import LARGEST, as_amount, as_number


@extend_schema_field(OpenApiTypes.DOUBLE)
class Amount(serializers.Field[Any, Any, Any, Any]):
    """A JSON number from 0 (or above 0) to a million millions, as an exact decimal inside."""

    default_error_messages = {
        "required": "is required.",
        "null": "must not be null.",
        "type": "must be a number.",
        "range": "must be at least 0.",
        "positive": "must be more than 0.",
        "large": f"must be at most {LARGEST:,}.",
    }

    def __init__(self, *, must_be_positive: bool = False, **kwargs: Any) -> None:
        self.must_be_positive = must_be_positive
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> Decimal:
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("type")
        if data < 0:
            self.fail("range")
        if data > LARGEST:
            self.fail("large")
        amount = as_amount(data)
        if self.must_be_positive and not amount:
            self.fail("positive")
        return amount

    def to_representation(self, value: Decimal) -> int | float:
        return as_number(value)


class Moment(serializers.DateTimeField):
    """ISO 8601 with an offset; an aware datetime inside."""

    default_error_messages = {
        "null": "must not be null.",
        "moment": "must be ISO 8601 with an offset, such as 2026-03-10T14:30:00Z.",
    }

    def to_internal_value(self, value: Any) -> datetime:
        moment = parse_moment(value) if isinstance(value, str) else None
        if moment is None:
            self.fail("moment")
        return moment
