"""How a dotted field path is followed into a document."""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

Step: TypeAlias = tuple[str, int]
"""A key, and the list index that it also is; -1 where it is none."""

ABSENT: Final = object()
"""What `find` gives for a field that is not there, as distinct from one that holds null."""

_MAX_INDEX_DIGITS = 15  # more than any list has members, and int() refuses thousands of digits


def step(key: str) -> Step:
    """A key with its list index. Only the plain form counts as a number: no sign, no leading zero, no other digits."""
    is_index = key.isascii() and key.isdigit() and len(key) <= _MAX_INDEX_DIGITS and (key == "0" or key[0] != "0")
    return key, int(key) if is_index else -1


def step_into(value: Any, key: str, index: int, default: object = None) -> Any:
    """The member of `value` under `key` if it is an object, at `index` if it is a list; else `default`."""
    if isinstance(value, list):
        return value[index] if 0 <= index < len(value) else default
    return value.get(key, default) if isinstance(value, Mapping) else default


def find(document: Any, path: tuple[str, ...]) -> Any:
    """The value at `path`, or ABSENT."""
    value = document
    for key, index in map(step, path):
        value = step_into(value, key, index, ABSENT)
    return value


def lookup(document: Any, path: str | tuple[str, ...]) -> Any:
    """The value at a dotted path (`items.0.sku`, or its steps), None where there is none. Never raises.

    This is how a condition reads its document, and the way to read one in agreement with it. Objects may be any
    Mapping, so that a part which is costly to load (a customer's record) can be a lazy one.
    """
    value = find(document, tuple(path.split(".")) if isinstance(path, str) else path)
    return None if value is ABSENT else value
