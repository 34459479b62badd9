"""Compiled conditions against documents."""

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kaireon.conditions import compile, explain, parse, why_false
from tests.conditions import oracle
from tests.conditions.strategies import conditions, documents, hostile_values, leaves, search

EXAMPLE = {
    "all": [
        {"field": "metadata.amount", "operator": "gt", "value": 500},
        {"field": "outcomeType", "operator": "eq", "value": "conversion"},
    ]
}


def flags(*names: str) -> list[dict[str, Any]]:
    return [{"field": name, "operator": "eq", "value": True} for name in names]


@pytest.mark.parametrize(
    ("document", "answer"),
    [
        ({"outcomeType": "conversion", "metadata": {"amount": 750}}, True),
        ({"outcomeType": "conversion", "metadata": {"amount": 500}}, False),
        ({"outcomeType": "conversion", "metadata": {"amount": "750"}}, False),
        ({"outcomeType": "click", "metadata": {"amount": 750}}, False),
        ({"outcomeType": "conversion", "metadata": None}, False),
        ({"outcomeType": "conversion"}, False),
        ({}, False),
    ],
)
def test_the_example_of_the_specification(document: dict[str, Any], answer: bool) -> None:
    assert compile(parse(EXAMPLE))(document) is answer


@pytest.mark.parametrize("document", [{}, {"a": 1}, {"all": []}])
def test_the_empty_condition_passes_every_document(document: dict[str, Any]) -> None:
    assert compile(parse({}))(document) is True


@pytest.mark.parametrize("size", range(1, 7))
def test_groups_of_every_size_look_at_every_member(size: int) -> None:
    names = [f"m{n}" for n in range(size)]
    every, some = compile(parse({"all": flags(*names)})), compile(parse({"any": flags(*names)}))
    all_true, all_false = dict.fromkeys(names, True), dict.fromkeys(names, False)
    assert every(all_true) is True
    assert some(all_false) is False
    for name in names:
        assert every({**all_true, name: False}) is False
        assert some({**all_false, name: True}) is True


@pytest.mark.parametrize("length", range(1, 7))
@pytest.mark.parametrize("list_at", range(7))
def test_paths_of_every_length_are_followed_through_objects_and_lists(length: int, list_at: int) -> None:
    document: Any = "found"
    for position in reversed(range(length)):
        document = ["", document] if position == list_at else {"1": document, "0": ""}
    assert compile(parse({"field": ".".join("1" * length), "operator": "eq", "value": "found"}))(document) is True
    assert compile(parse({"field": ".".join("1" * (length + 1)), "operator": "exists"}))(document) is False


@pytest.mark.parametrize(
    ("document", "answer"),
    [
        ({"a": True, "b": True, "c": True}, True),
        ({"a": True, "b": True, "d": True}, True),
        ({"a": True, "b": True}, False),
        ({"a": True, "c": True, "d": True}, False),
        ({}, False),
    ],
)
def test_a_group_with_both_lists_needs_both(document: dict[str, Any], answer: bool) -> None:
    assert compile(parse({"all": flags("a", "b"), "any": flags("c", "d")}))(document) is answer
    assert compile(parse({"any": flags("c", "d"), "all": flags("a", "b")}))(document) is answer


@search
@given(conditions, documents)
def test_a_compiled_condition_agrees_with_the_plain_interpreter(raw: dict[str, Any], document: dict[str, Any]) -> None:
    assert compile(parse(raw))(document) is oracle.holds(raw, document)


@search
@given(conditions, documents)
def test_the_explanation_has_the_same_verdict(raw: dict[str, Any], document: dict[str, Any]) -> None:
    condition = parse(raw)
    assert explain(condition, document).passed is compile(condition)(document)


@search
@given(conditions, documents)
def test_the_reason_why_it_is_false_is_a_leaf_that_says_no_and_there_is_none_where_it_holds(
    raw: dict[str, Any], document: dict[str, Any]
) -> None:
    condition = parse(raw)
    leaf = why_false(condition, document)
    assert (leaf is None) is compile(condition)(document)
    if leaf is not None:
        assert not leaf.passed
        assert leaf in explain(condition, document).leaves


@search
@given(conditions, hostile_values)
@example(EXAMPLE, "text")
@example({"field": "0", "operator": "in", "value": ["a", 1]}, [{"b": []}])
@example({"field": "a", "operator": "gt", "value": 1}, {"a": float("nan")})
@example({"field": "a", "operator": "gt", "value": 1.5}, {"a": 10**5000})
def test_no_document_raises(raw: dict[str, Any], document: Any) -> None:
    condition = parse(raw)
    assert explain(condition, document).passed is compile(condition)(document)


def test_a_document_of_any_depth_is_compared() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    for operator, value in (("eq", [[[]]]), ("in", [[[[]]]])):
        condition = parse({"field": "x", "operator": operator, "value": value})
        assert compile(condition)({"x": deep}) is False
        assert explain(condition, {"x": deep}).passed is False
    while deep:  # or else Python's own clean-up goes deep, too
        deep = deep[0]


@search
@given(st.data(), st.lists(leaves, min_size=1, max_size=5), documents)
def test_the_order_of_members_never_changes_the_answer(
    data: st.DataObject, members: list[dict[str, Any]], document: dict[str, Any]
) -> None:
    shuffled = data.draw(st.permutations(members))
    for key in ("all", "any"):
        assert compile(parse({key: members}))(document) is compile(parse({key: shuffled}))(document)


@search
@given(st.lists(leaves, min_size=1, max_size=3), st.lists(leaves, min_size=1, max_size=3), documents)
def test_both_lists_together_are_the_two_groups_joined(
    every: list[dict[str, Any]], some: list[dict[str, Any]], document: dict[str, Any]
) -> None:
    both = compile(parse({"all": every, "any": some}))
    assert both(document) is (compile(parse({"all": every}))(document) and compile(parse({"any": some}))(document))


def test_the_package_needs_nothing_but_the_standard_library() -> None:
    # -S leaves out everything that was installed.
    command = [sys.executable, "-S", "-c", "import kaireon.conditions"]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (finished.returncode, finished.stderr) == (0, "")
