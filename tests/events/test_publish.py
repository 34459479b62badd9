"""Events with ids of their callers and those without are stored by different statements, and come out the same."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from kaireon.events.models import Event
from kaireon.events.publish import NewEvent, publish

NOW = datetime(2026, 3, 10, 14, 30, 0, 123456, tzinfo=UTC)
# All that the door lets in: no NUL characters and no lone surrogates.
TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
EVENTS = st.builds(
    NewEvent,
    event_type=st.sampled_from(["purchase", "outcome.recorded"]),
    customer_id=st.none() | TEXTS,
    properties=st.dictionaries(TEXTS, VALUES, max_size=4),
    source=st.just("api"),
    occurred_at=st.none() | st.datetimes(timezones=st.just(UTC)),
    cause=st.sampled_from(["", "fir_0123"]),
    depth=st.integers(0, 8),
)


def stored(events: list[NewEvent]) -> list[Mapping[str, Any]]:
    ids = [one.event_id for one in publish(events, now=NOW)]
    rows = Event.objects.filter(event_id__in=ids).order_by("sequence")
    assert [row.event_id for row in rows] == ids
    return list(
        rows.values(
            "event_type",
            "customer_id",
            "properties",
            "source",
            "occurred_at",
            "received_at",
            "cause",
            "depth",
            "status",
            "processed_at",
            "attempts",
            "next_attempt_at",
            "error",
            "decisions",
        )
    )


@pytest.mark.django_db
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=st.lists(EVENTS, min_size=1, max_size=5))
def test_an_id_of_its_own_changes_nothing_else_of_an_event(events: list[NewEvent]) -> None:
    Event.objects.all().delete()
    with_ids = [replace(one, event_id=f"order-{number}") for number, one in enumerate(events)]
    assert stored(events) == stored(with_ids)
