"""Why a condition holds for a document, or does not: every leaf with what it found."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kaireon.conditions.operators import OPERATORS
from kaireon.conditions.paths import ABSENT, find
from kaireon.conditions.tree import Always, Condition, Group, Leaf, Node
from kaireon.conditions.wording import render


@dataclass(frozen=True, slots=True)
class LeafResult:
    """One leaf's answer. `path` is its place in the condition (`any[1].all[0]`; empty: it is the condition), `expected`
    the condition's value, `actual` the document's (None where the field is missing), `reason` a short sentence.
    """

    path: str
    field: str
    operator: str
    expected: Any
    actual: Any
    passed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """The verdict, and the leaves from left to right, `all` before `any`; `{}` has none."""

    passed: bool
    leaves: list[LeafResult]


def explain(condition: Condition, document: Mapping[str, Any]) -> Explanation:
    """Evaluate every leaf, also those that no longer matter. The verdict is always that of `compile`; never raises."""
    results: list[LeafResult] = []
    passed = isinstance(condition, Always) or _explain(condition, document, path="", results=results)
    return Explanation(passed, results)


def why_false(condition: Condition, document: Mapping[str, Any]) -> LeafResult | None:
    """The first leaf because of which the condition does not hold; None where it holds. Looks no further."""
    return None if isinstance(condition, Always) else _first_false(condition, document, path="")


def _first_false(node: Node, document: Mapping[str, Any], *, path: str) -> LeafResult | None:
    if isinstance(node, Leaf):
        result = _explain_leaf(node, document, path=path)
        return None if result.passed else result
    prefix = f"{path}." if path else ""
    for position, member in enumerate(node.all or ()):
        if (found := _first_false(member, document, path=f"{prefix}all[{position}]")) is not None:
            return found
    first: LeafResult | None = None
    for position, member in enumerate(node.any or ()):
        found = _first_false(member, document, path=f"{prefix}any[{position}]")
        if found is None:
            return None
        first = first or found
    return first


def _explain(node: Node, document: Mapping[str, Any], *, path: str, results: list[LeafResult]) -> bool:
    if isinstance(node, Leaf):
        result = _explain_leaf(node, document, path=path)
        results.append(result)
        return result.passed
    return _explain_group(node, document, path=path, results=results)


def _explain_group(group: Group, document: Mapping[str, Any], *, path: str, results: list[LeafResult]) -> bool:
    prefix = f"{path}." if path else ""

    def answers(key: str, members: Iterable[Node]) -> list[bool]:
        return [
            _explain(member, document, path=f"{prefix}{key}[{position}]", results=results)
            for position, member in enumerate(members)
        ]

    all_hold = all(answers("all", group.all or ()))
    any_holds = any(answers("any", group.any)) if group.any else True
    return all_hold and any_holds


def _explain_leaf(leaf: Leaf, document: Mapping[str, Any], *, path: str) -> LeafResult:
    operator = OPERATORS[leaf.operator]
    found = find(document, leaf.path)
    actual = None if found is ABSENT else found
    passed = operator.tester(leaf.value)(actual)
    if actual is not None:
        reason = operator.sentence(render(actual), leaf.value, actual, passed=passed)
    else:
        reason = f"{leaf.field} is {'missing' if found is ABSENT else 'null'}"
        if passed and found is ABSENT:
            reason += f", so {operator.sentence('it', leaf.value, None, passed=True)}"
    return LeafResult(path, leaf.field, leaf.operator, leaf.value, actual, passed, reason)
