"""The types that a schema's fields may have: what each takes, and the one form in which it is stored."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from kaireon.core.clock import iso, parse_moment
from kaireon.core.errors import ValidationFailed
from kaireon.core.json_values import check_json
from kaireon.customers.numbers import LARGEST_INTEGER, settled, settled_number

# An event's properties may be 64 KiB and 16 levels deep. They hold a record before and after a change, and the names of
# the changed fields: 2 * 25 KiB, 200 names of 64 characters, and the words between.
MAX_ATTRIBUTES_BYTES = 25 * 1024
MAX_VALUE_DEPTH = 14


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a schema. `data_type` is a key of FIELD_TYPES."""

    name: str
    data_type: str


@dataclass(frozen=True, slots=True)
class FieldType:
    """`expected` ends the sentence "must be …". `stored_form` gives None for what is not of the type."""

    expected: str
    stored_form: Callable[[Any], Any]


def check_value(field: Field, value: Any) -> Any:
    """The stored form of `value`. None stands for "no value" and is of every type.

    Raises ValidationFailed at the field's name, saying what is expected. Nothing is coerced: "75" is no number.
    """
    if value is None:
        return None
    check_json(value, path=field.name, max_bytes=MAX_ATTRIBUTES_BYTES, max_depth=MAX_VALUE_DEPTH)
    field_type = FIELD_TYPES[field.data_type]
    stored = field_type.stored_form(value)
    if stored is None:
        raise ValidationFailed.at(field.name, f"must be {field_type.expected}.")
    return stored


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _integer(value: Any) -> int | None:
    number = settled_number(value)
    return number if isinstance(number, int) else None


def _boolean(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


_DATE = re.compile(r"\d{4}-\d\d-\d\d\Z", re.ASCII)


def _date(value: Any) -> str | None:
    if not isinstance(value, str) or not _DATE.match(value):
        return None
    try:
        date.fromisoformat(value)
    except ValueError:  # the 30th of February
        return None
    return value


def _datetime(value: Any) -> str | None:
    moment = parse_moment(value) if isinstance(value, str) else None
    return None if moment is None else iso(moment)


FIELD_TYPES: Mapping[str, FieldType] = {
    "text": FieldType("text", _text),
    "integer": FieldType(f"a whole number from -{LARGEST_INTEGER} to {LARGEST_INTEGER}", _integer),
    "decimal": FieldType("a number", settled_number),
    "boolean": FieldType("true or false", _boolean),
    "date": FieldType('a date as text, such as "2026-03-10"', _date),
    "datetime": FieldType('an ISO 8601 date-time with an offset, such as "2026-03-10T14:30:00Z"', _datetime),
    "json": FieldType("a JSON value with numbers that fit into 64 bits", settled),
}
