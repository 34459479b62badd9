from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaireon.conditions.instants import instant
from tests.conditions.strategies import law

offsets = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(timezones=offsets)


@pytest.mark.parametrize(
    "spelling",
    [
        "2026-03-10T14:30:00Z",
        "2026-03-10T14:30Z",
        "2026-03-10T14:30:00.0Z",
        "2026-03-10T14:30:00,000Z",
        "2026-03-10T14:30:00+00:00",
        "2026-03-10T14:30:00-00:00",
        "2026-03-10T15:30:00+01:00",
        "2026-03-10T15:30:00+0100",
        "2026-03-10T15:30:00+01",
        "2026-03-10T09:00:00-05:30",
        "2026-03-11T14:29:00+23:59",
    ],
)
def test_every_spelling_of_one_instant_is_the_same(spelling: str) -> None:
    assert instant(spelling) == instant("2026-03-10T14:30:00.000000Z")
    assert instant(spelling) is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "gold",
        "2026-03-10",
        "20260310",
        "2026-W11-2",
        "2026-W11-2T14:30:00Z",
        "2026-069T14:30:00Z",
        "20260310T143000Z",
        "2026-03-10T14:30:00",
        "2026-03-10 14:30:00Z",
        "2026-03-10t14:30:00z",
        "2026-03-10T14Z",
        "2026-03-10T14:30:00.Z",
        "2026-03-10T24:00:00Z",
        "2026-03-10T14:60:00Z",
        "2016-12-31T23:59:60Z",
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "+12026-03-10T14:30:00Z",
        "2026-03-10T14:30:00+24:00",
        "2026-03-10T14:30:00+01:60",
        "2026-03-10T14:30:00Z\n",
        " 2026-03-10T14:30:00Z",
        "٢٠٢٦-03-10T14:30:00Z",
    ],
)
def test_other_texts_are_no_instants(text: str) -> None:
    assert instant(text) is None


def test_an_offset_may_lead_out_of_the_calendar() -> None:
    first, last = instant("0001-01-01T00:00:00+23:59"), instant("9999-12-31T23:59:59-23:59")
    assert first is not None
    assert last is not None
    assert first < (instant("0001-01-01T00:00:00Z") or first) < (instant("9999-12-31T23:59:59Z") or last) < last


def test_a_fraction_is_compared_to_its_last_digit() -> None:
    spellings = ["00", "00.000000000000000000001", "00.09", "00.1", "00.10000000001", "00.11", "00.9", "01"]
    instants = [instant(f"2026-03-10T14:30:{seconds}Z") for seconds in spellings]
    assert None not in instants
    assert instants == sorted(filter(None, instants))
    assert len(set(instants)) == len(spellings)


@law
@given(moments, moments)
def test_instants_are_ordered_as_their_moments_are(left: datetime, right: datetime) -> None:
    first, second = instant(left.isoformat()), instant(right.isoformat())
    assert first is not None
    assert second is not None
    assert (first < second) == (left < right)
    assert (first == second) == (left == right)


@law
@given(st.text() | st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})\n?"))
def test_no_text_raises(text: str) -> None:
    instant(text)
