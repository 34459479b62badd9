"""A queue that is full lets nothing more in from outside, loses nothing, and lets the platform finish what it began."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings
from rest_framework.test import APIClient

from kaireon.core import clock
from kaireon.core.redis import redis_client
from kaireon.events import capacity
from kaireon.events.capacity import OverCapacity, admit, forget, has_room
from kaireon.events.models import Event
from kaireon.events.publish import NewEvent, publish
from kaireon.events.streams.consuming import Consumption
from kaireon.events.streams.mapping import EventMapping
from kaireon.events.streams.storing import start
from tests.streams.conftest import STREAM as REDIS_STREAM
from tests.streams.conftest import add, owed, purchase, redis_stream
from tests.triggers.fixtures import process_all

pytestmark = pytest.mark.django_db

MESSAGE = (
    "10 events are waiting to be processed, and no more than that are taken. Nothing of this request was stored: send"
    " it again, with the same ids, after as many seconds as the header Retry-After says. If it lasts, start more"
    " workers for events, or raise KAIREON_MAX_WAITING_EVENTS."
)


@pytest.fixture(autouse=True)
def _room_for_ten(settings: Settings) -> Iterator[None]:
    settings.MAX_WAITING_EVENTS = 10
    forget()
    yield
    forget()


def waiting(count: int) -> None:
    publish(
        [NewEvent(event_type="purchase", customer_id=f"c{n}", properties={}, source="test") for n in range(count)],
        now=clock.now(),
    )


def sent(count: int) -> list[dict[str, Any]]:
    return [{"eventId": f"sent-{number}", "eventType": "purchase"} for number in range(count)]


def test_up_to_the_limit_events_are_taken_and_then_refused_with_what_to_do(ingest_api: APIClient) -> None:
    waiting(9)
    assert ingest_api.post("/api/v1/events", sent(1), format="json").status_code == 202
    answer = ingest_api.post("/api/v1/events", {"eventType": "purchase"}, format="json")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    error = answer.json()["error"]
    assert (error["code"], error["status"], error["message"], error["details"]) == ("unavailable", 503, MESSAGE, [])
    assert Event.objects.count() == 10


def test_a_request_goes_over_the_limit_as_a_whole_or_not_at_all(ingest_api: APIClient) -> None:
    waiting(9)
    assert ingest_api.post("/api/v1/events", sent(100), format="json").json()["accepted"] == 100
    assert ingest_api.post("/api/v1/events", sent(100), format="json").status_code == 503


def test_when_the_queue_is_worked_off_the_same_request_is_taken(ingest_api: APIClient) -> None:
    waiting(10)
    assert ingest_api.post("/api/v1/events", sent(2), format="json").status_code == 503
    process_all()
    forget()
    assert ingest_api.post("/api/v1/events", sent(2), format="json").json()["accepted"] == 2


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("post", "/api/v1/respond", {"customerId": "c", "outcome": "click", "idempotencyKey": "k"}),
        ("post", "/api/v1/schemas/schema_customer_profile/data", {"rows": [{"customerId": "c", "tier": "gold"}]}),
        ("put", "/api/v1/schemas/schema_customer_profile/records/c", {"attributes": {"tier": "gold"}}),
        ("patch", "/api/v1/schemas/schema_customer_profile/records/c", {"attributes": {"tier": "gold"}}),
    ],
)
def test_the_other_doors_are_shut_as_well_and_change_nothing(
    schema: Any, editor_api: APIClient, method: str, path: str, body: dict[str, Any]
) -> None:
    editor_api.put(
        "/api/v1/schemas/schema_customer_profile/records/c", {"attributes": {"tier": "silver"}}, format="json"
    )
    forget()
    waiting(10)
    answer = getattr(editor_api, method)(path, body, format="json")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    record = editor_api.get("/api/v1/schemas/schema_customer_profile/records/c").json()
    assert record["attributes"] == {"tier": "silver"}
    process_all()
    forget()
    assert getattr(editor_api, method)(path, body, format="json").status_code in {200, 201}


def test_what_the_platform_publishes_while_it_acts_is_never_refused(
    make_trigger: Callable[..., Any], make_customer: Callable[..., None], settings: Settings
) -> None:
    make_customer("cust_78")
    make_trigger()
    settings.MAX_WAITING_EVENTS = 1
    event = NewEvent(event_type="purchase", customer_id="cust_78", properties={}, source="test")
    publish([event, event], now=clock.now())
    with pytest.raises(OverCapacity):
        admit(1)
    process_all()
    assert Event.objects.filter(event_type="customer.updated", status="processed").count() == 2


def test_0_is_no_limit(settings: Settings) -> None:
    settings.MAX_WAITING_EVENTS = 0
    waiting(20)
    assert has_room()


def test_old_events_and_gaps_in_the_numbers_are_not_taken_for_waiting_ones() -> None:
    """One old event that is tried again makes the distance long; then they are counted."""
    waiting(1)
    oldest = Event.objects.get()
    Event.objects.update(attempts=1, next_attempt_at=clock.now() + timedelta(minutes=9))
    waiting(30)
    Event.objects.exclude(pk=oldest.pk).update(status="processed")
    waiting(8)
    assert has_room()
    admit(1)
    assert not has_room()


def test_within_a_second_nobody_looks_again() -> None:
    waiting(3)
    with CaptureQueriesContext(connection) as captured:
        for _ in range(5):
            admit(1)
    assert len(captured.captured_queries) == 1
    assert "count(*)" not in captured.captured_queries[0]["sql"]


def test_counting_that_takes_long_is_done_more_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([100.0, 100.0, 102.0, 141.0, 142.1, 142.1, 142.2])
    monkeypatch.setattr(capacity, "monotonic", lambda: next(moments))
    with CaptureQueriesContext(connection) as captured:
        has_room()  # looks from 100 to 102
        has_room()  # at 141: two seconds are a twentieth of forty
        assert len(captured.captured_queries) == 1
        has_room()
        assert len(captured.captured_queries) == 2


def test_while_one_thread_looks_the_others_go_by_what_was_found_before() -> None:
    assert capacity._looking.acquire(timeout=1)
    found: list[bool] = []
    try:
        thread = threading.Thread(target=lambda: found.append(has_room()))
        thread.start()
        thread.join(5)
    finally:
        capacity._looking.release()
    assert found == [True]


@pytest.mark.django_db(transaction=True)
def test_a_consumer_of_a_stream_waits_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kaireon.events.streams.consuming.RETRY_AFTER_S", (0.01,))
    add(*[purchase(number) for number in range(4)])
    start(REDIS_STREAM, now=clock.now())
    waiting(10)

    class Stop(threading.Event):
        """Notes that the consumer waits, and makes room the third time."""

        waits = 0

        def wait(self, timeout: float | None = None) -> bool:
            self.waits += 1
            if self.waits == 3:
                assert Event.objects.filter(source="redis-stream").count() == 0
                assert redis_client().xinfo_groups(REDIS_STREAM.name) == []  # nothing was even asked for
                process_all()
            forget()
            return super().wait(timeout)

    stop = Stop()
    consumption = Consumption(redis_stream(), stream=REDIS_STREAM, mapping=EventMapping(), stop=stop)
    stored = consumption.step()
    assert stop.waits == 3
    assert stored is not None
    assert (stored.events, stored.dead_letters, owed()) == (4, 0, 0)
    assert redis_client().xlen(REDIS_STREAM.name) == 4
