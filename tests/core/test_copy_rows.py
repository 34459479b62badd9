from typing import Any

import pytest
from django.db import IntegrityError, transaction

from kaireon.core import clock
from kaireon.core.copy_rows import copy_rows
from kaireon.events.models import Event

pytestmark = pytest.mark.django_db

COLUMNS = ("event_id", "event_type", "customer_id", "occurred_at", "received_at", "properties", "source", "cause",
           "depth", "lane", "status", "attempts", "error", "decisions")  # fmt: skip


def row(event_id: str, properties: Any) -> tuple[Any, ...]:
    now = clock.now()
    return (event_id, "t", None, now, now, properties, "test", "", 0, 3, "pending", 0, "", [{"count": 1}])


@pytest.mark.parametrize("value", [{"a": [1, {"b": None}]}, [], "text with \t and \\n", "", 7, True, None])
def test_any_json_value_comes_back_from_a_json_field_as_it_was(value: object) -> None:
    copy_rows(Event, COLUMNS, [row("evt_1", value), row("evt_2", {})])
    assert list(Event.objects.order_by("event_id").values_list("event_id", "properties", "decisions")) == [
        ("evt_1", value, [{"count": 1}]),
        ("evt_2", {}, [{"count": 1}]),
    ]


def test_of_rows_one_of_which_is_refused_none_stays_and_none_was_changed_in_the_callers_hands() -> None:
    rows = [list(row("evt_1", {"a": 1})), list(row("evt_1", {"a": 2}))]
    with pytest.raises(IntegrityError), transaction.atomic():
        copy_rows(Event, COLUMNS, rows)
    assert not Event.objects.exists()
    assert [one[5] for one in rows] == [{"a": 1}, {"a": 2}]
