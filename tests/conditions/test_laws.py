"""What holds for all values, whatever they are. Each law stands in the docstring of the package."""

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from kaireon.conditions import compile, parse
from kaireon.conditions.instants import instant
from tests.conditions.strategies import INSTANTS, json_values, law, numbers, texts

ordered_pairs = st.tuples(numbers, numbers) | st.tuples(texts, texts)


def holds(operator: str, expected: Any, actual: Any) -> bool:
    return compile(parse({"field": "x", "operator": operator, "value": expected}))({"x": actual})


def name_one_instant(left: Any, right: Any) -> bool:
    if not isinstance(left, str) or not isinstance(right, str) or left == right:
        return False
    return instant(left) is not None and instant(left) == instant(right)


@law
@given(json_values, json_values)
def test_neq_is_not_eq(left: Any, right: Any) -> None:
    assert holds("neq", left, right) is not holds("eq", left, right)


@law
@given(json_values)
def test_eq_is_reflexive(value: Any) -> None:
    assert holds("eq", value, value) is True


@law
@given(json_values, json_values)
@example(1, True)
@example([0], [False])
@example({"a": 1}, {"a": 1.0})
def test_eq_is_symmetric(left: Any, right: Any) -> None:
    assert holds("eq", left, right) is holds("eq", right, left)


@law
@given(json_values, st.lists(json_values, max_size=4))
def test_in_is_eq_to_some_member(value: Any, members: list[Any]) -> None:
    assert holds("in", members, value) is any(holds("eq", member, value) for member in members)


@law
@given(ordered_pairs)
@example((2**53 + 1, 2.0**53))
def test_of_two_ordered_values_exactly_one_relation_holds(pair: tuple[Any, Any]) -> None:
    left, right = pair
    assert holds("gte", right, left) is not holds("lt", right, left)
    assert holds("lte", right, left) is not holds("gt", right, left)
    assert not (holds("lt", right, left) and holds("gt", right, left))


@law
@given(ordered_pairs)
def test_gte_is_gt_or_eq_except_for_two_spellings_of_one_instant(pair: tuple[Any, Any]) -> None:
    left, right = pair
    if name_one_instant(left, right):
        assert [holds(name, right, left) for name in ("gte", "lte")] == [True, True]
        assert [holds(name, right, left) for name in ("gt", "lt", "eq")] == [False, False, False]
    else:
        assert holds("gte", right, left) is (holds("gt", right, left) or holds("eq", right, left))
        assert holds("lte", right, left) is (holds("lt", right, left) or holds("eq", right, left))


@law
@given(ordered_pairs)
def test_gt_is_lt_seen_from_the_other_side(pair: tuple[Any, Any]) -> None:
    left, right = pair
    assert holds("gt", right, left) is holds("lt", left, right)
    assert holds("gte", right, left) is holds("lte", left, right)


@law
@given(st.sampled_from(list(INSTANTS)), st.sampled_from(list(INSTANTS)))
def test_date_times_are_ordered_as_instants(left: str, right: str) -> None:
    assert holds("lt", right, left) is (INSTANTS[left] < INSTANTS[right])
    assert holds("lte", right, left) is (INSTANTS[left] <= INSTANTS[right])


@law
@given(numbers | texts, json_values)
def test_what_has_no_order_is_neither_more_nor_less(expected: Any, actual: Any) -> None:
    is_number = isinstance(actual, (int, float)) and not isinstance(actual, bool)
    if isinstance(actual, str) != isinstance(expected, str) or not (is_number or isinstance(actual, str)):
        assert [holds(name, expected, actual) for name in ("gt", "gte", "lt", "lte")] == [False] * 4


@law
@given(
    st.tuples(st.sampled_from(["eq", "neq"]), json_values)
    | st.tuples(st.sampled_from(["gt", "gte", "lt", "lte"]), numbers | texts)
    | st.tuples(st.just("in"), st.lists(json_values, max_size=4))
    | st.tuples(st.just("exists"), st.booleans())
)
def test_a_missing_field_reads_as_null(operator_and_value: tuple[str, Any]) -> None:
    operator, value = operator_and_value
    test = compile(parse({"field": "a.b", "operator": operator, "value": value}))
    assert test({}) is test({"a": {"b": None}}) is test({"a": "text"}) is test({"a": {}})


@law
@given(json_values)
def test_exists_false_is_not_exists(value: Any) -> None:
    assert holds("exists", False, value) is not holds("exists", True, value)
    assert holds("exists", True, value) is holds("neq", None, value)
