"""Working off lanes: order, exclusive lanes, broken events, replay."""

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from redis.exceptions import ConnectionError as RedisConnectionError
from rest_framework.test import APIClient

from audit.models import Entry
from kaireon.core import clock
from kaireon.events import capacity, consumers, drain
from kaireon.events.consumers import Decision, QueuedEvent
from kaireon.events.drain import BATCH_SIZE, MAX_ATTEMPTS, RETRY_AFTER, drain_lanes, waiting_lanes
from kaireon.events.ingestion import ingest
from kaireon.events.lanes import lane_of, try_locks
from kaireon.events.models import LANE_COUNT, Event
from kaireon.events.publish import NewEvent, publish
from kaireon.health import backlog

LANE = lane_of(customer_id="cust_78", event_id="")


class Recorder:
    """A consumer that notes what it is given, and breaks on events whose properties say `break`."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.error: Callable[[], Exception] = lambda: ValueError("no good")

    def __call__(self, events: Sequence[QueuedEvent], *, now: datetime) -> Mapping[int, list[Decision]]:
        self.batches.append([event.event_id for event in events])
        for event in events:
            if event.properties.get("break"):
                raise self.error()
        return {event.sequence: [{"triggerId": "t", "version": 1, "decision": "fired"}] for event in events}


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """The only consumer."""
    recorder = Recorder()
    monkeypatch.setattr(consumers, "_consumers", {"recorder": recorder})
    return recorder


def send(*event_ids: str, breaks: bool = False) -> None:
    body = [
        {"eventId": event_id, "eventType": "purchase", "customerId": "cust_78", "properties": {"break": breaks}}
        for event_id in event_ids
    ]
    ingest(body, source="api", now=clock.now())


def due_now() -> None:
    Event.objects.filter(status="pending").update(next_attempt_at=clock.now() - timedelta(seconds=1))


def test_a_lane_is_the_hash_of_the_customer_or_of_the_event_without_one() -> None:
    assert lane_of(customer_id="cust_78", event_id="a") == lane_of(customer_id="cust_78", event_id="b")
    assert {lane_of(customer_id=f"cust_{number}", event_id="") for number in range(500)} == set(range(LANE_COUNT))
    assert {lane_of(customer_id=None, event_id=f"e{number}") for number in range(500)} == set(range(LANE_COUNT))


def test_events_of_a_lane_come_in_their_order_up_to_500_in_a_batch(db: None, recorder: Recorder) -> None:
    ids = [f"e{number}" for number in range(BATCH_SIZE + 20)]
    send(*ids[:400])
    send(*ids[400:])
    assert drain_lanes([LANE]) == []
    assert recorder.batches[0] == ids[:BATCH_SIZE]
    assert recorder.batches[1] == ids[BATCH_SIZE:]
    assert Event.objects.filter(status="processed").count() == BATCH_SIZE + 20
    event = Event.objects.get(event_id="e0")
    assert event.decisions == [{"triggerId": "t", "version": 1, "decision": "fired"}]
    assert event.processed_at is not None


def test_a_broken_event_is_set_aside_while_the_others_go_on(db: None, recorder: Recorder) -> None:
    send("e1", "e2")
    send("broken", breaks=True)
    send("e3", "e4")
    drain_lanes([LANE])
    assert recorder.batches[0] == ["e1", "e2", "broken", "e3", "e4"]
    states = dict(Event.objects.values_list("event_id", "status"))
    assert states == {"e1": "processed", "e2": "processed", "broken": "pending", "e3": "processed", "e4": "processed"}
    broken = Event.objects.get(event_id="broken")
    assert broken.attempts == 1
    assert "ValueError" in broken.error
    assert "no good" not in broken.error
    assert broken.next_attempt_at is not None
    assert abs(broken.next_attempt_at - clock.now() - RETRY_AFTER[0]) < timedelta(seconds=3)
    assert waiting_lanes() == []


def test_after_five_tries_it_is_failed_and_a_replay_gives_it_five_more(
    db: None, recorder: Recorder, editor_api: APIClient
) -> None:
    send("broken", breaks=True)
    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert Event.objects.get().status == "pending"
        drain_lanes([LANE])
        assert Event.objects.get().attempts == attempt
        due_now()
    assert Event.objects.get().status == "failed"
    drain_lanes([LANE])
    assert len(recorder.batches) == 2 * MAX_ATTEMPTS  # each try: as a batch, then alone

    answer = editor_api.post("/api/v1/events/broken/replay")
    assert (answer.status_code, answer.json()["status"], answer.json()["attempts"]) == (202, "pending", 0)
    assert Entry.objects.get(action="event.replayed").event_id == "broken"
    Event.objects.update(properties={})
    drain_lanes([LANE])
    event = Event.objects.get()
    assert (event.status, event.error) == ("processed", "")
    again = editor_api.post("/api/v1/events/broken/replay")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "conflict")


def test_a_database_that_is_away_counts_no_try(db: None, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    send("e1", breaks=True)
    recorder.error = lambda: OperationalError("the connection is lost")

    def away() -> None:
        raise OperationalError("away")

    monkeypatch.setattr("kaireon.events.drain.redis_client", lambda: type("Away", (), {"ping": staticmethod(away)}))
    monkeypatch.setattr("kaireon.events.drain.connection.close", lambda: None)
    with pytest.raises(OperationalError):
        drain_lanes([LANE])
    event = Event.objects.get()
    assert (event.status, event.attempts) == ("pending", 0)


def test_a_connection_that_is_cut_now_and_then_is_not_the_fault_of_the_event_in_hand(
    db: None, recorder: Recorder
) -> None:
    send("a", breaks=True)
    send("b")
    errors = iter([OperationalError("the connection is lost"), RedisConnectionError("cut"), None])

    def cut_twice(events: Sequence[QueuedEvent], *, now: datetime) -> Mapping[int, list[Decision]]:
        recorder.batches.append([event.event_id for event in events])
        if error := next(errors, None):
            raise error
        return {event.sequence: [] for event in events}

    consumers._consumers["recorder"] = cut_twice
    assert drain_lanes([LANE]) == []
    assert recorder.batches == [["a", "b"], ["a"], ["a"], ["b"]]
    assert list(Event.objects.order_by("sequence").values_list("event_id", "status", "attempts")) == [
        ("a", "processed", 0),
        ("b", "processed", 0),
    ]


def test_an_event_that_meets_a_cut_connection_each_time_is_set_aside(db: None, recorder: Recorder) -> None:
    send("a", breaks=True)
    send("b")
    recorder.error = lambda: OperationalError("the connection is lost")
    assert drain_lanes([LANE]) == []
    assert recorder.batches == [["a", "b"], ["a"], ["a"], ["a"], ["b"]]
    assert list(Event.objects.order_by("sequence").values_list("event_id", "status", "attempts")) == [
        ("a", "pending", 1),
        ("b", "processed", 0),
    ]


@pytest.mark.django_db(transaction=True)
def test_a_lane_that_another_worker_has_is_left_alone(recorder: Recorder) -> None:
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            assert try_locks([LANE])
            held.set()
            release.wait(10)
        connection.close()

    send("e1")
    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(10)
    assert drain_lanes([LANE]) == []
    assert recorder.batches == []
    release.set()
    holder.join()
    drain_lanes([LANE])
    assert recorder.batches == [["e1"]]


@pytest.mark.django_db(transaction=True)
def test_of_several_lanes_those_that_are_free_are_handled_in_one_batch(recorder: Recorder) -> None:
    """One transaction for all of them, and the lane that another worker has is left to it."""
    customers = {lane_of(customer_id=f"cust_{number}", event_id=""): f"cust_{number}" for number in range(500)}
    for number in range(3):
        body = [
            {"eventId": f"{lane}-{number}", "eventType": "purchase", "customerId": customers[lane]}
            for lane in (5, 2, 9, 4)
        ]
        ingest(body, source="api", now=clock.now())
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            assert try_locks([9]) == [9]
            held.set()
            release.wait(10)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(10)
    assert drain_lanes([2, 5, 9]) == []
    assert recorder.batches == [["5-0", "2-0", "5-1", "2-1", "5-2", "2-2"]]
    release.set()
    holder.join()
    assert waiting_lanes() == [4, 9]
    assert waiting_lanes([9, 2]) == [9]


def test_of_several_lanes_a_full_one_takes_its_share_and_asks_for_another_turn(
    db: None, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain, "BATCH_SIZE", 4)
    monkeypatch.setattr(drain, "BATCHES_PER_TURN", 2)
    send(*(f"e{number}" for number in range(7)))
    neighbour = next(n for n in range(500) if lane_of(customer_id=f"cust_{n}", event_id="") == (LANE + 1) % LANE_COUNT)
    ingest({"eventId": "n", "eventType": "purchase", "customerId": f"cust_{neighbour}"}, source="api", now=clock.now())
    assert drain_lanes([LANE, (LANE + 1) % LANE_COUNT]) == [LANE]
    assert recorder.batches == [["e0", "e1", "n"], ["e2", "e3", "e4", "e5"]]
    assert drain_lanes([LANE]) == []
    assert recorder.batches[2:] == [["e6"]]


def test_a_broken_event_is_set_aside_while_the_other_lanes_of_its_batch_go_on(db: None, recorder: Recorder) -> None:
    neighbour = next(n for n in range(500) if lane_of(customer_id=f"cust_{n}", event_id="") == (LANE + 1) % LANE_COUNT)
    send("e1")
    send("broken", breaks=True)
    ingest({"eventId": "n", "eventType": "purchase", "customerId": f"cust_{neighbour}"}, source="api", now=clock.now())
    assert drain_lanes([LANE, (LANE + 1) % LANE_COUNT]) == []
    states = dict(Event.objects.values_list("event_id", "status"))
    assert states == {"e1": "processed", "broken": "pending", "n": "processed"}


@pytest.mark.django_db(transaction=True)
def test_sixteen_workers_on_all_lanes_handle_each_event_once_and_each_customer_in_order(recorder: Recorder) -> None:
    for chunk in range(10):
        body = [
            {"eventId": f"{chunk}-{number}", "eventType": "purchase", "customerId": f"cust_{number % 30}"}
            for number in range(100)
        ]
        ingest(body, source="api", now=clock.now())
    barrier = threading.Barrier(16)

    def work() -> None:
        barrier.wait()
        try:
            while lanes := waiting_lanes():
                for first in range(0, len(lanes), 3):
                    drain_lanes(lanes[first : first + 3])
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(16)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    handled = [event_id for batch in recorder.batches for event_id in batch]
    assert len(handled) == 1000
    assert len(set(handled)) == 1000
    assert Event.objects.filter(status="processed").count() == 1000


def test_publish_is_part_of_the_callers_transaction(db: None) -> None:
    event = NewEvent(event_type="customer.created", customer_id="c", properties={}, source="customers")
    with transaction.atomic():
        publish([event], now=clock.now())
        transaction.set_rollback(True)
    assert Event.objects.count() == 0


def test_waiting_events_are_found_by_their_own_index_even_where_statistics_say_that_all_are_waiting(db: None) -> None:
    """Else PostgreSQL walks along the primary key, through every event that there ever was."""
    for _ in range(4):
        body = [{"eventType": "purchase", "customerId": f"cust_{number}"} for number in range(1000)]
        ingest(body, source="api", now=clock.now())
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE events_event")
        statements: Sequence[tuple[str, Sequence[Any] | Mapping[str, Any]]] = (
            (drain._SELECT, [[LANE, 3], 0, clock.now(), BATCH_SIZE]),
            (drain._WAITING_LANES, [[LANE, 3], clock.now()]),
            (capacity._BOUND, [LANE_COUNT - 1]),
            (capacity._COUNT, [100]),
            (backlog._LANES, {"last": LANE_COUNT - 1, "most": 10}),
        )
        for statement, parameters in statements:
            cursor.execute(f"EXPLAIN {statement}", parameters)
            plan = "\n".join(row[0] for row in cursor.fetchall())
            assert "event_waiting" in plan, plan
            assert "Seq Scan on events_event" not in plan, plan


def test_no_plan_for_finding_events_is_kept_from_when_there_were_few(db: None) -> None:
    """A plan that is kept would read the whole table again and again, until somebody analyzes it."""
    for number in range(10):  # psycopg prepares what comes for the sixth time
        ingest({"eventType": "purchase", "customerId": f"cust_{number}"}, source="api", now=clock.now())
        drain_lanes(range(LANE_COUNT))
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        kept = [row[0] for row in cursor.fetchall()]
    assert any("pg_try_advisory_xact_lock" in statement for statement in kept)
    assert not any(f"{word} events_event" in statement for statement in kept for word in ("FROM", "UPDATE", "JOIN"))
