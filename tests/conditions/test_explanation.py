"""The reasons that people read."""

from typing import Any

import pytest
from hypothesis import given

from kaireon.conditions import Explanation, LeafResult, compile, explain, lookup, parse, to_json
from tests.conditions.strategies import conditions, documents, search

NOON = "2026-03-10T12:00:00Z"


def test_the_example_of_the_specification() -> None:
    condition = parse(
        {
            "all": [
                {"field": "metadata.amount", "operator": "gt", "value": 500},
                {"field": "outcomeType", "operator": "eq", "value": "conversion"},
            ]
        }
    )
    assert explain(condition, {"outcomeType": "click", "metadata": {"amount": 750}}) == Explanation(
        passed=False,
        leaves=[
            LeafResult("all[0]", "metadata.amount", "gt", 500, 750, True, "750 is greater than 500"),
            LeafResult(
                "all[1]", "outcomeType", "eq", "conversion", "click", False, '"click" does not equal "conversion"'
            ),
        ],
    )


def test_the_empty_condition_has_no_leaves() -> None:
    assert explain(parse({}), {}) == Explanation(passed=True, leaves=[])


def test_every_leaf_is_evaluated_and_has_its_place() -> None:
    leaf = {"field": "a", "operator": "eq", "value": 1}
    raw = {"any": [{"any": [leaf, leaf]}, leaf], "all": [leaf, {"all": [leaf], "any": [leaf]}]}
    explanation = explain(parse(raw), {"a": 2})
    assert explanation.passed is False
    assert [result.path for result in explanation.leaves] == [
        "all[0]",
        "all[1].all[0]",
        "all[1].any[0]",
        "any[0].any[0]",
        "any[0].any[1]",
        "any[1]",
    ]


def test_a_leaf_that_is_the_whole_condition_has_the_empty_path() -> None:
    (result,) = explain(parse({"field": "email", "operator": "exists"}), {"email": "ada@example.com"}).leaves
    assert result == LeafResult("", "email", "exists", True, "ada@example.com", True, '"ada@example.com" is not null')


@pytest.mark.parametrize(
    ("operator", "expected", "actual", "passed", "reason"),
    [
        ("eq", 1, 1.0, True, "1.0 equals 1"),
        ("eq", "gold", "Gold", False, '"Gold" does not equal "gold"'),
        ("eq", 1, True, False, "true is a boolean and 1 a number, so they are not equal"),
        ("eq", "1", 1, False, '1 is a number and "1" text, so they are not equal'),
        ("eq", None, 1, False, "1 does not equal null"),
        ("eq", [1], [1], True, "a list of 1 equals a list of 1"),
        ("eq", 1, {"a": 1}, False, "an object of 1 does not equal 1"),
        ("neq", 1, 2, True, "2 does not equal 1"),
        ("neq", 1, 1, False, "1 equals 1"),
        ("neq", 1, "1", True, '"1" is text and 1 a number, so they are not equal'),
        ("gt", 500, 750, True, "750 is greater than 500"),
        ("gt", 500, 500, False, "500 is not greater than 500"),
        ("gte", 500, 500, True, "500 is at least 500"),
        ("lt", 500, 0.5, True, "0.5 is less than 500"),
        ("lte", 500, 501, False, "501 is not at most 500"),
        ("gt", 500, "abc", False, '"abc" is text and 500 a number, so they have no order'),
        ("gt", 0, True, False, "true is a boolean and 0 a number, so they have no order"),
        ("gt", 0, [5], False, "a list of 1 and 0 have no order"),
        ("gt", "10", "9", True, '"9" is greater than "10", compared as text'),
        (
            "lt",
            NOON,
            "2026-03-10T12:30:00+01:00",
            True,
            f'"2026-03-10T12:30:00+01:00" is less than "{NOON}", compared as instants',
        ),
        ("lt", NOON, "2026-03-10", True, f'"2026-03-10" is less than "{NOON}", compared as text'),
        ("in", ["gold", "platinum"], "gold", True, '"gold" is one of "gold", "platinum"'),
        ("in", ["gold", "platinum"], "silver", False, '"silver" is none of "gold", "platinum"'),
        ("in", [1, 2, 3, 4, 5, 6, 7], 7, True, "7 is one of 1, 2, 3, 4, 5 and 2 more"),
        ("in", [], 7, False, "7 is not in the list, which is empty"),
        ("exists", True, 0, True, "0 is not null"),
        ("exists", False, 0, False, "0 is not null"),
    ],
)
def test_the_reason_for_a_value(operator: str, expected: Any, actual: Any, passed: bool, reason: str) -> None:
    condition = parse({"field": "x", "operator": operator, "value": expected})
    assert explain(condition, {"x": actual}).leaves == [LeafResult("", "x", operator, expected, actual, passed, reason)]


@pytest.mark.parametrize(
    ("operator", "expected", "passed", "reason"),
    [
        ("gt", 500, False, "metadata.amount is missing"),
        ("eq", 500, False, "metadata.amount is missing"),
        ("in", [500], False, "metadata.amount is missing"),
        ("exists", True, False, "metadata.amount is missing"),
        ("eq", None, True, "metadata.amount is missing, so it equals null"),
        ("neq", 500, True, "metadata.amount is missing, so it does not equal 500"),
        ("in", [1, None], True, "metadata.amount is missing, so it is one of 1, null"),
        ("exists", False, True, "metadata.amount is missing, so it is null"),
    ],
)
def test_the_reason_for_a_missing_field(operator: str, expected: Any, passed: bool, reason: str) -> None:
    condition = parse({"field": "metadata.amount", "operator": operator, "value": expected})
    assert explain(condition, {"metadata": {}}).leaves == [
        LeafResult("", "metadata.amount", operator, expected, None, passed, reason)
    ]


def test_a_null_is_told_from_a_missing_field() -> None:
    condition = parse({"field": "metadata.amount", "operator": "gt", "value": 500})
    (result,) = explain(condition, {"metadata": {"amount": None}}).leaves
    assert result.reason == "metadata.amount is null"


def test_large_values_are_cut_in_the_reason_alone() -> None:
    text, number = "x" * 10_000, 10**5000
    leaves = [{"field": "a", "operator": "eq", "value": text}, {"field": "b", "operator": "lt", "value": 1}]
    first, second = explain(parse({"all": leaves}), {"a": text, "b": number}).leaves
    assert (first.expected, first.actual, second.actual) == (text, text, number)
    assert first.reason == f'"{"x" * 60}…" equals "{"x" * 60}…"'
    assert second.reason == "a number of more than 300 digits is not less than 1"


@search
@given(conditions, documents)
def test_each_leaf_is_answered_as_if_it_stood_alone(raw: dict[str, Any], document: dict[str, Any]) -> None:
    for result in explain(parse(raw), document).leaves:
        leaf = parse({"field": result.field, "operator": result.operator, "value": result.expected})
        place: Any = raw
        for step in result.path.replace("]", "").replace("[", ".").split("."):
            place = place if not step else place[int(step)] if step.isdigit() else place[step]
        assert parse(place) == leaf
        assert to_json(leaf) == to_json(parse(place))
        assert result.passed is compile(leaf)(document)
        assert result.actual == lookup(document, result.field)
        assert result.reason
