"""Ranges and points that have numbers in common."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kaireon.conditions.ranges import Ruler
from tests.conditions.strategies import law

numbers = st.integers(-3, 3) | st.sampled_from([-0.5, 0.5, 1.0, 1e308, 10**400, float("inf")])
ends = st.none() | numbers
ranges = st.lists(st.tuples(ends, ends), max_size=6)


@law
@given(ranges, numbers)
@example([(1, 2), (1.0, 3), (None, 1)], 1)
@example([(2, 1)], 1.5)
@example([(None, None)], 0)
def test_a_point_has_one_number_of_each_range_that_it_lies_in_and_none_of_others(
    drawn: list[tuple[Any, Any]], point: Any
) -> None:
    ruler = Ruler(end for bounds in drawn for end in bounds if end is not None)
    for low, high in drawn:
        inside = (low is None or low <= point) and (high is None or point <= high)
        assert len(set(ruler.of_range(low, high)) & set(ruler.of_point(point))) == int(inside)


def test_both_have_few_numbers_among_thousands_of_ranges() -> None:
    ruler = Ruler(range(10_000))
    assert len(ruler.of_point(5000)) == 15
    assert len(ruler.of_range(1, 9_998)) <= 30
    assert len(ruler.of_range(None, 5000)) <= 30


@pytest.mark.parametrize(
    ("low", "high", "count"), [(10, 20, 2), (None, 12, 2), (25, None, 2), (12, 14, 0), (20, 10, -3)]
)
def test_the_ends_within_a_range_are_counted_roughly(low: int | None, high: int | None, count: int) -> None:
    assert Ruler([10, 10, 15, 20, 30, 40]).ends_within(low, high) == count


def test_what_is_no_number_lies_somewhere_without_an_error() -> None:
    assert Ruler([1, 2]).of_point(float("nan"))[-1] == 1
