"""How a value is shown in a sentence: short whatever its size, and without ever raising."""

import json

from kaireon.conditions.values import is_number

MAX_TEXT_LENGTH = 60
MAX_MEMBERS = 5
_MAX_INTEGER_BITS = 1000


def shorten(text: str) -> str:
    """`text`, cut behind its 60th character."""
    return text if len(text) <= MAX_TEXT_LENGTH else text[:MAX_TEXT_LENGTH] + "…"


def render(value: object) -> str:
    """`750`, `"abc"`, `true`, `a list of 3`, `an object of 2`."""
    if isinstance(value, str):
        return json.dumps(shorten(value), ensure_ascii=False)
    # Python refuses to write out an integer of thousands of digits.
    if isinstance(value, int) and value.bit_length() > _MAX_INTEGER_BITS:
        return "a number of more than 300 digits"
    if value is None or isinstance(value, bool) or is_number(value):
        return json.dumps(value)
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return f"an object of {len(value)}"
    return f"a {type(value).__name__}"


def render_members(values: list[object]) -> str:
    """`"gold", "platinum"`, or the first five of them `and 7 more`."""
    shown = ", ".join(map(render, values[:MAX_MEMBERS]))
    hidden = len(values) - MAX_MEMBERS
    return f"{shown} and {hidden} more" if hidden > 0 else shown
