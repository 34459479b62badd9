"""Many at once, several senders at once, and senders that die."""

import threading
from datetime import datetime, timedelta

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from kaireon.core import clock
from kaireon.delivery.claims import claim
from kaireon.delivery.models import Attempt, Delivery, Status
from kaireon.delivery.results import Result, record_results
from kaireon.delivery.retries import Verdict
from kaireon.delivery.sender import SLOW_AFTER_SECONDS, send_due
from kaireon.secrets import signing
from tests.delivery.conftest import Enqueue, enqueue_all
from tests.delivery.receiver import Answer, Receiver, open_receiver


def _many(count: int) -> list[dict[str, object]]:
    return [{"firing_id": f"fir_{number}"} for number in range(count)]


def test_sixty_four_slow_sends_to_two_receivers_are_on_their_way_at_once(
    receiver: Receiver, settings: Settings, db: None
) -> None:
    settings.DELIVERY_CONCURRENCY = 64
    with open_receiver() as other:
        receiver.gather(32)
        other.gather(32)
        enqueue_all(_many(32), url=receiver.url)
        enqueue_all(_many(32), url=other.url)
        send_due(run_seconds=20)
        assert (receiver.most_at_once, other.most_at_once) == (32, 32)
    assert set(Delivery.objects.values_list("status", flat=True)) == {Status.DELIVERED}
    assert Attempt.objects.count() == 64


def test_one_host_gets_half_of_the_slots(receiver: Receiver, settings: Settings, db: None) -> None:
    settings.DELIVERY_CONCURRENCY = 8
    receiver.gather(4)
    enqueue_all(_many(30), url=receiver.url)
    send_due(run_seconds=20)
    assert receiver.most_at_once == 4
    assert len(receiver.received) == 30


def test_a_receiver_that_hangs_keeps_no_other_waiting(receiver: Receiver, settings: Settings, db: None) -> None:
    settings.DELIVERY_CONCURRENCY = 4
    settings.DELIVERY_TOTAL_SECONDS = 2
    receiver.answer(then=Answer(hangs=True))
    enqueue_all(_many(40), url=receiver.url)
    with open_receiver() as other:
        # Behind all of the others in the queue.
        enqueue_all(_many(10), url=other.url)
        send_due(run_seconds=1.5)
        assert len(other.received) == 10
    assert len(receiver.received) == 2
    assert Delivery.objects.filter(status=Status.DELIVERED).count() == 10


def test_while_the_end_waits_for_a_receiver_that_hangs_the_others_go_on(
    receiver: Receiver, settings: Settings, db: None
) -> None:
    settings.DELIVERY_CONCURRENCY = 4
    settings.DELIVERY_TOTAL_SECONDS = 3
    receiver.answer(then=Answer(hangs=True))
    enqueue_all(_many(40), url=receiver.url)
    with open_receiver() as other:
        enqueue_all(_many(10), url=other.url)
        # Due when the time is over and the other receiver has held up the end for a while.
        later = clock.now() + timedelta(seconds=SLOW_AFTER_SECONDS + 0.5)
        Delivery.objects.filter(url=other.url).update(next_attempt_at=later)
        assert send_due(run_seconds=0.1) is True
        assert len(other.received) == 10
    assert len(receiver.received) == 2


def _send_in_a_thread() -> None:
    try:
        send_due(run_seconds=20)
    finally:
        connections.close_all()


@pytest.mark.django_db(transaction=True)
def test_two_senders_at_once_send_each_delivery_once(receiver: Receiver, settings: Settings) -> None:
    settings.DELIVERY_CONCURRENCY = 8
    enqueue_all(_many(200), url=receiver.url)
    signing.current(now=clock.now())
    senders = [threading.Thread(target=_send_in_a_thread) for _ in range(2)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(30)
    ids = [received.headers["webhook-id"] for received in receiver.received]
    assert sorted(ids) == sorted(f"fir_{number}" for number in range(200))
    assert Delivery.objects.filter(status=Status.DELIVERED, attempts=1).count() == 200
    assert Attempt.objects.count() == 200


@pytest.mark.django_db(transaction=True)
def test_two_claims_at_once_find_different_rows(receiver: Receiver) -> None:
    enqueue_all(_many(10), url=receiver.url)
    signing.current(now=clock.now())
    first_has_claimed, second_has_claimed = threading.Event(), threading.Event()
    found: dict[str, set[str]] = {}

    def first() -> None:
        with transaction.atomic():
            found["first"] = _claim_some(4)
            first_has_claimed.set()
            second_has_claimed.wait(10)
        connections.close_all()

    thread = threading.Thread(target=first)
    thread.start()
    assert first_has_claimed.wait(10)
    with transaction.atomic(), connection.cursor() as cursor:
        # Waiting for the first one's rows would be the other way to find different ones.
        cursor.execute("SET LOCAL lock_timeout = '3s'")
        found["second"] = _claim_some(4)
    second_has_claimed.set()
    thread.join(10)
    assert len(found["first"]) == len(found["second"]) == 4
    assert not found["first"] & found["second"]


def _claim_some(count: int) -> set[str]:
    claimed = claim(slots=count, per_host=count, busy={}, now=clock.now())
    return {delivery.pk for delivery in claimed.deliveries}


def test_a_claim_whose_sender_died_is_sent_when_its_lease_has_run_out(receiver: Receiver, enqueue_one: Enqueue) -> None:
    delivery = enqueue_one()
    Delivery.objects.update(next_attempt_at=clock.now() - timedelta(minutes=5))
    assert len(_claim_at(clock.now() - timedelta(seconds=30))) == 1
    send_due(run_seconds=10)
    assert receiver.received == []

    Delivery.objects.update(leased_until=clock.now() - timedelta(seconds=1))
    send_due(run_seconds=10)
    delivery.refresh_from_db()
    assert delivery.status == Status.DELIVERED
    assert delivery.attempts == 2
    assert [received.headers["webhook-id"] for received in receiver.received] == ["fir_1"]
    assert list(Attempt.objects.values_list("number", flat=True)) == [2]


def _claim_at(now: datetime) -> list[Delivery]:
    return claim(slots=10, per_host=10, busy={}, now=now).deliveries


def test_a_lease_outlasts_the_longest_attempt(enqueue_one: Enqueue) -> None:
    enqueue_one()
    now = clock.now()
    [claimed] = _claim_at(now)
    assert claimed.leased_until == now + timedelta(seconds=60)


def test_a_result_that_comes_after_the_lease_ran_out_changes_nothing_but_the_log(enqueue_one: Enqueue) -> None:
    delivery = enqueue_one()
    Delivery.objects.update(next_attempt_at=clock.now() - timedelta(minutes=5))
    [stale] = _claim_at(clock.now() - timedelta(minutes=2))
    [fresh] = _claim_at(clock.now())
    record_results([_result(fresh, Verdict.DELIVERED)], now=clock.now())
    record_results([_result(stale, Verdict.FINAL)], now=clock.now())
    delivery.refresh_from_db()
    assert delivery.status == Status.DELIVERED
    assert delivery.last_error == ""
    assert list(Attempt.objects.values_list("number", "error")) == [(1, "late"), (2, "")]


def _result(delivery: Delivery, verdict: Verdict) -> Result:
    return Result(
        delivery=delivery,
        started_at=clock.now(),
        duration_ms=1.0,
        verdict=verdict,
        error="" if verdict is Verdict.DELIVERED else "late",
        secrets={},
    )


def test_where_nothing_is_due_one_query_says_so(enqueue_one: Enqueue) -> None:
    enqueue_one()
    Delivery.objects.update(next_attempt_at=clock.now() + timedelta(hours=1))
    with CaptureQueriesContext(connection) as captured:
        send_due(run_seconds=10)
    assert len([query for query in captured.captured_queries if "SAVEPOINT" not in query["sql"]]) == 1
