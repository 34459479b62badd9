"""JSON values as Liquid hands them on, and as text."""

from typing import Any, Final

import msgspec
from liquid import Undefined
from liquid.builtin.expressions.primitive import Blank, Empty
from liquid.builtin.tags.for_tag import ForLoop

# Numbers of any size and Decimals as JSON numbers; lone surrogates and what is not JSON are refused.
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
_SORTED_ENCODER: Final = msgspec.json.Encoder(decimal_format="number", order="sorted")


def plain(value: object) -> Any:
    """`value` as JSON: null for what is missing and for Liquid's own objects, a list for a pair or a range."""
    if isinstance(value, str | int | dict | list) or value is None:
        return value
    if isinstance(value, tuple | range):
        return list(value)
    if isinstance(value, Undefined | Empty | Blank | ForLoop):
        return None
    return value


def to_text(value: object) -> str:
    """`value` in the midst of a text: text as itself, null as nothing, anything else as JSON.

    Raises what msgspec raises for what is no JSON value.
    """
    value = plain(value)
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return to_json(value)


def to_json(value: object) -> str:
    """`value` as compact JSON. Raises what msgspec raises for what is no JSON value."""
    return _ENCODER.encode(value).decode()


def identity(value: object) -> bytes:
    """The same bytes for equal JSON values, whatever the order of their keys."""
    return _SORTED_ENCODER.encode(value)
