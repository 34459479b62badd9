"""A parsed condition: immutable, known to be valid, comparable and hashable."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from kaireon.conditions.values import json_equal


@dataclass(frozen=True, slots=True)
class Always:
    """The empty condition `{}`: true for every document."""


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """One test of one field.

    `path` is `field` in steps, `operator` a name in `OPERATORS`, `value` plain JSON, not to be changed (for `exists` it
    is true where the condition left it out).
    """

    field: str
    path: tuple[str, ...]
    operator: str
    value: Any

    # The generated methods would call the values 1 and true equal, and could not hash a list.
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Leaf):
            return NotImplemented
        return (self.field, self.operator) == (other.field, other.operator) and json_equal(self.value, other.value)

    def __hash__(self) -> int:
        return hash((self.field, self.operator))


@dataclass(frozen=True, slots=True)
class Group:
    """True when each member of `all` holds and some member of `any`; a list that is None asks for nothing."""

    all: "tuple[Node, ...] | None" = None
    any: "tuple[Node, ...] | None" = None


Node: TypeAlias = Leaf | Group
Condition: TypeAlias = Always | Leaf | Group


def leaves(condition: Condition) -> Iterator[Leaf]:
    """The leaves from left to right, `all` before `any`."""
    match condition:
        case Leaf():
            yield condition
        case Group():
            for member in (*(condition.all or ()), *(condition.any or ())):
                yield from leaves(member)


def fields_read(condition: Condition) -> frozenset[str]:
    """The dotted fields that decide the condition. Ask it whether the customer's record (`customer.…`) is needed."""
    return frozenset(leaf.field for leaf in leaves(condition))


def to_json(condition: Condition) -> dict[str, Any]:
    """The condition as plain JSON; `parse` of it gives the same condition again."""
    match condition:
        case Leaf(operator="exists", value=True):
            return {"field": condition.field, "operator": condition.operator}
        case Leaf():
            return {"field": condition.field, "operator": condition.operator, "value": condition.value}
        case Group():
            lists = {"all": condition.all, "any": condition.any}
            return {key: [to_json(member) for member in members] for key, members in lists.items() if members}
        case Always():
            return {}
