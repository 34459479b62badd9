"""Numbers survive the way through jsonb: what is read back equals what was written."""

from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kaireon.conditions.values import json_equal
from kaireon.core.json_values import decode, encode
from kaireon.customers.numbers import LARGEST_INTEGER, read_settled, settled

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.floats(min_value=2.0**52, max_value=2.0**66)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=3),
    lambda children: st.lists(children, max_size=8) | st.dictionaries(st.sampled_from("abcdef"), children, max_size=4),
    max_leaves=20,
)


def through_jsonb(value: Any) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::jsonb::text", [encode(value).decode()])
        row = cursor.fetchone()
    assert row is not None
    return str(row[0])


@pytest.mark.django_db
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(json_values, max_size=8))
def test_a_settled_value_equals_what_is_read_back(values: list[Any]) -> None:
    stored = settled(values)
    if stored is not None:
        assert json_equal(read_settled(through_jsonb(stored)), stored)
        assert json_equal(settled(stored), stored)


@pytest.mark.django_db
def test_control_without_settling_a_number_comes_back_as_another() -> None:
    assert not json_equal(decode(through_jsonb([1e300]).encode()), [1e300])
    assert json_equal(read_settled(through_jsonb([1e300])), [1e300])


@given(st.integers(min_value=-LARGEST_INTEGER, max_value=LARGEST_INTEGER))
def test_integers_of_64_bits_stay_as_they_are(number: int) -> None:
    assert settled([number]) == [number]
    assert read_settled(f"[{number}]") == [number]
