"""What a condition can be found by.

Clues are necessary, not sufficient. Where a condition holds all clues of one of its ways do, but not the other way
round: what nothing can be looked up by is left out (a `neq` beside an `eq`, the difference between `gt` and `gte`).
Whoever finds a condition by its clues still has to ask it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from kaireon.conditions.instants import instant
from kaireon.conditions.tree import Always, Condition, Leaf, Node
from kaireon.conditions.values import is_number

MAX_WAYS: Final = 16
"""What several `any` in one `all` are multiplied out to at most; the rest of them gives no clues."""

_COMPOUND: Final = object()

Scale: TypeAlias = Literal["number", "text", "instant"]


@dataclass(frozen=True, slots=True)
class OneOf:
    """The field's value has one of these keys (see `key_of`)."""

    field: str
    keys: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Between:
    """The field's value is on this scale, not below `low` and not above `high`; None leaves that side open.

    On the scale of instants it may also be any text that names none: such a text is compared with the bounds' spelling,
    and that is not kept here.
    """

    field: str
    scale: Scale
    low: Any
    high: Any


Clue: TypeAlias = OneOf | Between
Way: TypeAlias = tuple[Clue, ...]
"""One way for a condition to hold: all of these do. Empty where there is nothing to look for, as in `neq`."""


def ways_of(condition: Condition) -> tuple[Way, ...]:
    """The condition's ways: it holds in none but these."""
    if isinstance(condition, Always):
        return ((),)
    return tuple(tuple(_joined(way)) for way in _ways(condition))


def _ways(node: Node) -> list[Way]:
    if isinstance(node, Leaf):
        return [tuple(_of_leaf(node))]
    parts = [_ways(member) for member in node.all or ()]
    if node.any:
        parts.append([way for member in node.any for way in _ways(member)])
    ways: list[Way] = [()]
    for part in sorted(parts, key=len):
        if len(ways) == 1 or len(ways) * len(part) <= MAX_WAYS:
            ways = [way + more for way in ways for more in part]
    return ways


def _of_leaf(leaf: Leaf) -> Iterator[Clue]:
    match leaf.operator:
        case "eq":
            yield OneOf(leaf.field, (key_of(leaf.value),))
        case "in":
            yield OneOf(leaf.field, tuple(dict.fromkeys(map(key_of, leaf.value))))
        case "gt" | "gte":
            scale, point = _on_scale(leaf.value)
            yield Between(leaf.field, scale, point, None)
        case "lt" | "lte":
            scale, point = _on_scale(leaf.value)
            yield Between(leaf.field, scale, None, point)


def _on_scale(bound: Any) -> tuple[Scale, Any]:
    if is_number(bound):
        return "number", bound
    moment = instant(bound)
    return ("text", bound) if moment is None else ("instant", moment)


def _joined(way: Way) -> Iterator[Clue]:
    """The same with one range in place of several on one scale of one field: `gt 10` and `lt 20` are 10 to 20."""
    ranges: dict[tuple[str, Scale], Between] = {}
    for clue in way:
        if isinstance(clue, Between):
            place = clue.field, clue.scale
            ranges[place] = _overlap(ranges[place], clue) if place in ranges else clue
        else:
            yield clue
    yield from ranges.values()


def _overlap(one: Between, other: Between) -> Between:
    lows = [low for low in (one.low, other.low) if low is not None]
    highs = [high for high in (one.high, other.high) if high is not None]
    return Between(one.field, one.scale, max(lows, default=None), min(highs, default=None))


def key_of(value: Any) -> Any:
    """Equal for values that are equal as JSON. Others may share a key too: true and 1, and all lists and objects."""
    return value if value is None or isinstance(value, (str, int, float)) else _COMPOUND
