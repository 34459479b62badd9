"""Numbers in the one form that survives a round trip through jsonb.

jsonb keeps the digits that were written: 1e300 comes back as a 1 with 300 zeros, an integer that is not equal to the
float it was. Then a record would count as changed each time it is sent again. So, before writing and after reading,
whole numbers within 64 bits become integers, and all others the nearest IEEE double.
"""

import json
import math
import re
from decimal import Decimal
from typing import Any

from kaireon.core.json_values import decode

LARGEST_INTEGER = 2**63 - 1

_MANY_DIGITS = re.compile(rb"\d{19}")


def settled_number(value: Any) -> int | float | None:
    """That form of a number; None for what is none (true and false are none), and for what no double can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    whole: int
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        if not value.is_integer():
            return value
        # The digits that will be written are the shortest that name this double; its exact value has others.
        whole = int(Decimal(repr(value)))
    else:
        whole = value
    if abs(whole) <= LARGEST_INTEGER:
        return whole
    try:
        return float(whole)
    except OverflowError:
        return None


def settled(value: Any) -> Any:
    """`value` with all of its numbers in that form; None where some number has none, or where it is not JSON."""
    if isinstance(value, str | bool):
        return value
    if isinstance(value, list):
        items = [settled(item) for item in value]
        return None if _lost(value, items) else items
    if isinstance(value, dict):
        members = [settled(member) for member in value.values()]
        return None if _lost(value.values(), members) else dict(zip(value, members, strict=True))
    return settled_number(value)


def _lost(before: Any, after: list[Any]) -> bool:
    return any(new is None and old is not None for old, new in zip(before, after, strict=True))


def read_settled(text: str) -> Any:
    """The JSON in `text`, as PostgreSQL wrote it, with its numbers in that form."""
    raw = text.encode()
    value = decode(raw)
    return settled(value) if _MANY_DIGITS.search(raw) else value


class SettledDecoder(json.JSONDecoder):
    """For a model's JSON field: `read_settled`."""

    def decode(self, s: str, *_: Any) -> Any:
        """The value in `s`."""
        return read_settled(s)
