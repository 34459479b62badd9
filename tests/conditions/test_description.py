"""A condition in words."""

from typing import Any

import pytest
from hypothesis import given

from kaireon import conditions
from kaireon.conditions.description import describe, describe_leaf
from kaireon.conditions.tree import leaves
from tests.conditions.strategies import conditions as any_condition
from tests.conditions.strategies import search

A, B, C = ({"field": name, "operator": "eq", "value": 1} for name in "abc")


def words(raw: Any) -> str:
    return describe(conditions.parse(raw))


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [
        ("eq", "gold", 'f is "gold"'),
        ("eq", None, "f is null"),
        ("neq", True, "f is not true"),
        ("gt", 500, "f is over 500"),
        ("gte", 0.8, "f is at least 0.8"),
        ("lt", 30, "f is under 30"),
        ("lte", "m", 'f is at most "m"'),
        ("gt", "2026-03-10T14:30:00Z", 'f is after "2026-03-10T14:30:00Z"'),
        ("gte", "2026-03-10T14:30:00Z", 'f is at or after "2026-03-10T14:30:00Z"'),
        ("lt", "2026-03-10T14:30:00Z", 'f is before "2026-03-10T14:30:00Z"'),
        ("lte", "2026-03-10T14:30:00Z", 'f is at or before "2026-03-10T14:30:00Z"'),
        ("eq", "2026-03-10T14:30:00Z", 'f is "2026-03-10T14:30:00Z"'),
        ("in", ["gold", 1], 'f is one of "gold", 1'),
        ("in", [1, 2, 3, 4, 5, 6, 7], "f is one of 1, 2, 3, 4, 5 and 2 more"),
        ("in", [], "f is one of nothing"),
        ("exists", True, "f is there"),
        ("exists", False, "f is not there"),
    ],
)
def test_each_operator_is_said_in_plain_words(operator: str, value: Any, expected: str) -> None:
    assert words({"field": "f", "operator": operator, "value": value}) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({}, "always"),
        ({"all": [A, B]}, "a is 1 and b is 1"),
        ({"any": [A, B]}, "a is 1 or b is 1"),
        ({"all": [{"any": [A, B]}, C]}, "(a is 1 or b is 1) and c is 1"),
        ({"any": [{"all": [A, B]}, C]}, "(a is 1 and b is 1) or c is 1"),
        ({"all": [A], "any": [B, C]}, "a is 1 and (b is 1 or c is 1)"),
        ({"all": [A], "any": [B]}, "a is 1 and b is 1"),
        ({"all": [A], "any": [{"any": [B, C]}]}, "a is 1 and (b is 1 or c is 1)"),
        ({"any": [{"all": [A], "any": [B, C]}, C]}, "(a is 1 and (b is 1 or c is 1)) or c is 1"),
        ({"all": [{"all": [A, B]}, C]}, "a is 1 and b is 1 and c is 1"),
        ({"all": [{"any": [{"all": [A, B]}]}, C]}, "a is 1 and b is 1 and c is 1"),
    ],
)
def test_brackets_stand_where_it_would_be_read_otherwise_without_them(raw: Any, expected: str) -> None:
    assert words(raw) == expected


@search
@given(any_condition)
def test_every_condition_can_be_described_and_each_of_its_leaves_is_in_it(raw: dict[str, Any]) -> None:
    condition = conditions.parse(raw)
    described = describe(condition)
    assert all(describe_leaf(leaf) in described for leaf in leaves(condition))


def test_a_long_value_is_cut_short() -> None:
    assert words({"field": "f", "operator": "eq", "value": "x" * 100}) == f'f is "{"x" * 60}…"'
