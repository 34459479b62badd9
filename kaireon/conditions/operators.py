"""The eight operators. Parser, evaluation, explanation and documents all take them from `OPERATORS`."""

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Final, TypeAlias

from kaireon.conditions.instants import instant
from kaireon.conditions.values import is_number, json_equal, kind
from kaireon.conditions.wording import render, render_members

Test: TypeAlias = Callable[[Any], bool]
"""Answers for any value of a document, and never raises."""

REQUIRED: Final = object()


@dataclass(frozen=True)
class Operator(ABC):
    """An operator: which values it takes, how it decides, how it says why.

    `synonyms` are spellings used elsewhere. They are not accepted; an error message points from them to the name.
    """

    name: str
    title: str
    synonyms: tuple[str, ...] = ()

    needs: ClassVar[str]
    """What `value` must be, to stand behind "eq needs"."""
    default: ClassVar[object] = REQUIRED
    """The value where the condition gives none; REQUIRED if it must."""

    @abstractmethod
    def accepts(self, value: object) -> bool:
        """May a condition give this `value`?"""

    @abstractmethod
    def tester(self, expected: Any) -> Test:
        """The test against a value that `accepts` let pass. What depends on that value alone is done here, once."""

    @abstractmethod
    def sentence(self, subject: str, expected: Any, actual: Any, *, passed: bool) -> str:
        """Why the test of `actual` passed or did not; `subject` is how the sentence names `actual`."""


class Equality(Operator):
    """`eq`, and as its negation `neq`."""

    needs = "any JSON value"

    def accepts(self, value: object) -> bool:
        return True

    def tester(self, expected: Any) -> Test:
        equal = _equal_to(expected)
        return equal if self.name == "eq" else lambda value: not equal(value)

    def sentence(self, subject: str, expected: Any, actual: Any, *, passed: bool) -> str:
        if passed == (self.name == "eq"):
            return f"{subject} equals {render(expected)}"
        if _are_scalars_of_two_kinds(actual, expected):
            return f"{subject} is {kind(actual)} and {render(expected)} {kind(expected)}, so they are not equal"
        return f"{subject} does not equal {render(expected)}"


@dataclass(frozen=True, kw_only=True)
class Ordering(Operator):
    """`gt`, `gte`, `lt`, `lte`: false for whatever has no order."""

    compare: Callable[[Any, Any], bool]
    phrase: str

    needs = "a number or text"

    def accepts(self, value: object) -> bool:
        return is_number(value) or isinstance(value, str)

    def tester(self, expected: Any) -> Test:
        compare = self.compare
        if is_number(expected):
            # `is_number`, spelt out: the call would cost as much as the rest of the test.
            return lambda value: (
                isinstance(value, (int, float)) and not isinstance(value, bool) and compare(value, expected)
            )
        expected_instant = instant(expected)
        if expected_instant is None:
            return lambda value: isinstance(value, str) and compare(value, expected)

        def test(value: Any) -> bool:
            if not isinstance(value, str):
                return False
            moment = instant(value)
            return compare(value, expected) if moment is None else compare(moment, expected_instant)

        return test

    def sentence(self, subject: str, expected: Any, actual: Any, *, passed: bool) -> str:
        verdict = f"{subject} is {'' if passed else 'not '}{self.phrase} {render(expected)}"
        if is_number(actual) and is_number(expected):
            return verdict
        if isinstance(actual, str) and isinstance(expected, str):
            are_instants = instant(actual) is not None and instant(expected) is not None
            return f"{verdict}, compared as {'instants' if are_instants else 'text'}"
        if _are_scalars_of_two_kinds(actual, expected):
            return f"{subject} is {kind(actual)} and {render(expected)} {kind(expected)}, so they have no order"
        return f"{subject} and {render(expected)} have no order"


class Membership(Operator):
    """`in`: some member of the list is equal."""

    needs = "a list of values"

    def accepts(self, value: object) -> bool:
        return isinstance(value, list)

    def tester(self, expected: Any) -> Test:
        # A set of both would mix up 1 and true; apart, text and numbers hash as they compare.
        texts = frozenset(member for member in expected if isinstance(member, str))
        numbers = frozenset(member for member in expected if is_number(member))
        others = [_equal_to(member) for member in expected]

        def test(value: Any) -> bool:
            if type(value) is str:
                return value in texts
            if type(value) is int or type(value) is float:
                return value in numbers
            return any(equal(value) for equal in others)

        return test

    def sentence(self, subject: str, expected: Any, actual: Any, *, passed: bool) -> str:
        if not expected:
            return f"{subject} is not in the list, which is empty"
        return f"{subject} is {'one' if passed else 'none'} of {render_members(expected)}"


class Existence(Operator):
    """`exists`: there is something other than null, or with false the opposite."""

    needs = "no value, or true or false"
    default = True

    def accepts(self, value: object) -> bool:
        return isinstance(value, bool)

    def tester(self, expected: Any) -> Test:
        if expected:
            return lambda value: value is not None
        return lambda value: value is None

    def sentence(self, subject: str, expected: Any, actual: Any, *, passed: bool) -> str:
        return f"{subject} is {'null' if actual is None else 'not null'}"


def _equal_to(expected: Any) -> Test:
    """`json_equal` with one side known: the same answers, faster."""
    if expected is None or isinstance(expected, bool):
        return lambda value: value is expected
    # In these two the cheaper half comes first: most values differ.
    if isinstance(expected, str):
        return lambda value: value == expected and isinstance(value, str)
    if is_number(expected):
        return lambda value: value == expected and is_number(value)
    return lambda value: json_equal(expected, value)


def _are_scalars_of_two_kinds(left: Any, right: Any) -> bool:
    kinds = {kind(left), kind(right)}
    return len(kinds) == 2 and kinds <= {"a boolean", "a number", "text"}


OPERATORS: Final[Mapping[str, Operator]] = MappingProxyType(
    {
        entry.name: entry
        for entry in (
            Equality("eq", "Equals", ("=", "==", "===", "equals", "equal_to", "is")),
            Equality("neq", "Not equals", ("!=", "!==", "<>", "ne", "not_equals", "not_equal_to", "is_not")),
            Ordering("gt", "Greater than", (">", "greater_than", "after"), compare=operator.gt, phrase="greater than"),
            Ordering(
                "gte",
                "Greater than or equal",
                (">=", "ge", "greater_than_or_equal", "greater_or_equal", "at_least"),
                compare=operator.ge,
                phrase="at least",
            ),
            Ordering("lt", "Less than", ("<", "less_than", "before"), compare=operator.lt, phrase="less than"),
            Ordering(
                "lte",
                "Less than or equal",
                ("<=", "le", "less_than_or_equal", "less_or_equal", "at_most"),
                compare=operator.le,
                phrase="at most",
            ),
            Membership("in", "Value in list", ("one_of", "any_of", "is_in")),
            Existence("exists", "Field exists", ("is_not_null", "is_set", "present")),
        )
    }
)
"""Every operator by its name, in the order of the specification's table."""
