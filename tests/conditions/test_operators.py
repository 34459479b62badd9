"""The table of operators, row by row: what a document holds, what the condition asks, what the answer is."""

from typing import Any

import pytest

from kaireon.conditions import OPERATORS, compile, parse

MISSING: Any = object()
NOON = "2026-03-10T12:00:00Z"
NOON_IN_PARIS = "2026-03-10T13:00:00+01:00"
ONE_IN_PARIS = "2026-03-10T14:00:00+01:00"


def holds(operator: str, expected: Any, actual: Any) -> bool:
    condition = {"field": "x", "operator": operator, "value": expected}
    return compile(parse(condition))({} if actual is MISSING else {"x": actual})


def test_the_operators_are_those_of_the_specification_in_its_order() -> None:
    assert [(name, entry.name, entry.title) for name, entry in OPERATORS.items()] == [
        ("eq", "eq", "Equals"),
        ("neq", "neq", "Not equals"),
        ("gt", "gt", "Greater than"),
        ("gte", "gte", "Greater than or equal"),
        ("lt", "lt", "Less than"),
        ("lte", "lte", "Less than or equal"),
        ("in", "in", "Value in list"),
        ("exists", "exists", "Field exists"),
    ]


EQUAL = [
    (1, 1),
    (1, 1.0),
    (0, -0.0),
    (2**53, 2.0**53),
    (10**400, 10**400),
    (True, True),
    (False, False),
    (None, None),
    (MISSING, None),
    ("", ""),
    ("gold", "gold"),
    ([], []),
    ([1, "a", None], [1.0, "a", None]),
    ({}, {}),
    ({"a": 1, "b": [2]}, {"b": [2.0], "a": 1}),
]
DIFFERENT = [
    (1, 2),
    (1, "1"),
    (1, True),
    (0, False),
    (1.0, True),
    (2**53 + 1, 2.0**53),
    (10**400, 1e308),
    (None, False),
    (None, 0),
    (None, ""),
    (MISSING, 0),
    (MISSING, ""),
    (MISSING, False),
    (MISSING, []),
    ("gold", "Gold"),
    ("gold", "gold "),
    ("é", "e\u0301"),
    (NOON, NOON_IN_PARIS),
    ("a", ["a"]),
    ([1], [True]),
    ([1, 2], [2, 1]),
    ([1, 2], [1]),
    ([[0]], [[False]]),
    ([], {}),
    ({"a": 1}, {"a": True}),
    ({"a": 1}, {"a": 1, "b": None}),
    ({"a": 1}, {"b": 1}),
]


@pytest.mark.parametrize(("actual", "expected"), EQUAL)
def test_equal_values_are_eq_and_not_neq(actual: Any, expected: Any) -> None:
    assert holds("eq", expected, actual) is True
    assert holds("neq", expected, actual) is False
    assert holds("in", ["other", expected], actual) is True


@pytest.mark.parametrize(("actual", "expected"), DIFFERENT)
def test_different_values_are_neq_and_not_eq(actual: Any, expected: Any) -> None:
    assert holds("eq", expected, actual) is False
    assert holds("neq", expected, actual) is True
    assert holds("in", ["other", expected], actual) is False


LESS = [
    (499, 500),
    (499.99, 500),
    (-1, 0),
    (2.0**53, 2**53 + 1),
    (1e308, 10**400),
    ("", "a"),
    ("10", "9"),
    ("Z", "a"),
    ("z", "ä"),
    # By code point, not by UTF-16 unit.
    ("\uffff", "😀"),
    (NOON, ONE_IN_PARIS),
    ("2026-03-10T13:00:00+01:00", "2026-03-10T12:30:00Z"),
    ("2026-03-10T12:00:00.1Z", "2026-03-10T12:00:00.10000001Z"),
    # One of the two is no instant, so both are text.
    ("2026-03-10", NOON),
    ("2026-03-10T12:30:00", NOON_IN_PARIS),
    ("2026-03-10", "2026-03-11"),
]


@pytest.mark.parametrize(("less", "more"), LESS)
def test_values_in_order(less: Any, more: Any) -> None:
    assert [holds(name, more, less) for name in ("gt", "gte", "lt", "lte")] == [False, False, True, True]
    assert [holds(name, less, more) for name in ("gt", "gte", "lt", "lte")] == [True, True, False, False]


@pytest.mark.parametrize(
    ("left", "right"),
    [(500, 500), (500, 500.0), ("a", "a"), (NOON, NOON), (NOON, NOON_IN_PARIS), (NOON_IN_PARIS, NOON)],
)
def test_values_at_one_place_of_their_order(left: Any, right: Any) -> None:
    assert [holds(name, right, left) for name in ("gt", "gte", "lt", "lte")] == [False, True, False, True]


@pytest.mark.parametrize("operator", ["gt", "gte", "lt", "lte"])
@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        (MISSING, 500),
        (MISSING, ""),
        (None, 0),
        (True, 0),
        (False, 1),
        (True, 1),
        ("750", 500),
        (750, "500"),
        ([750], 500),
        (["b"], "a"),
        ({"a": 1}, 0),
        (0, NOON),
        (float("nan"), 500),
    ],
)
def test_what_has_no_order_is_false_for_every_ordering(operator: str, actual: Any, expected: Any) -> None:
    assert holds(operator, expected, actual) is False


@pytest.mark.parametrize(
    ("actual", "members", "answer"),
    [
        ("gold", ["gold", "platinum"], True),
        ("silver", ["gold", "platinum"], False),
        ("gold", [], False),
        (MISSING, ["gold"], False),
        (MISSING, [None], True),
        (None, [None], True),
        (1, [True], False),
        (True, [1, "true"], False),
        (True, [1, True], True),
        (1.0, [1], True),
        (["gold"], ["gold"], False),
        (["gold"], [["gold"]], True),
        ({"a": 1}, [{"a": 1.0}], True),
    ],
)
def test_in(actual: Any, members: list[Any], answer: bool) -> None:
    assert holds("in", members, actual) is answer


@pytest.mark.parametrize("present", [0, 0.0, False, "", [], {}, "x"])
def test_whatever_is_not_null_exists(present: Any) -> None:
    assert holds("exists", True, present) is True
    assert holds("exists", False, present) is False


@pytest.mark.parametrize("absent", [None, MISSING])
def test_null_and_a_missing_field_do_not_exist(absent: Any) -> None:
    assert holds("exists", True, absent) is False
    assert holds("exists", False, absent) is True


def test_exists_without_a_value_asks_that_the_field_exists() -> None:
    email_exists = compile(parse({"field": "email", "operator": "exists"}))
    assert email_exists({"email": "ada@example.com"}) is True
    assert email_exists({"email": None}) is False
    assert email_exists({}) is False
