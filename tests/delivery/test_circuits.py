"""A receiver that fails again and again is spared, and spares the others; single probes find out that it is back."""

import threading
from datetime import datetime, timedelta

import pytest
from django.db import connection, connections, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings
from rest_framework.test import APIClient

from kaireon.accounts.models import User
from kaireon.accounts.roles import Role
from kaireon.core import clock
from kaireon.delivery import circuits
from kaireon.delivery.circuits import (
    LONGEST_OPEN,
    RELAPSE,
    WINDOW,
    Seen,
    Sign,
    forget_healthy,
    lock_due_for_probe,
    observe,
    open_for,
)
from kaireon.delivery.claims import claim
from kaireon.delivery.models import Attempt, Circuit, CircuitState, Delivery, Status
from kaireon.delivery.redelivery import redeliver
from kaireon.delivery.sender import send_due
from kaireon.secrets import signing
from tests.delivery.conftest import Enqueue, enqueue_all
from tests.delivery.receiver import Answer, Receiver, open_receiver

HOST = "shop.example:443"
FAILURES = 3


@pytest.fixture(autouse=True)
def _three_failures(settings: Settings) -> None:
    settings.DELIVERY_BREAKER_FAILURES = FAILURES


def many(count: int, start: int = 0) -> list[dict[str, object]]:
    return [{"firing_id": f"fir_{number}"} for number in range(start, start + count)]


def seen(sign: Sign, *, at: datetime, host: str = HOST, delivery: Delivery | None = None) -> Seen:
    return Seen(
        host=host,
        delivery_id=delivery.pk if delivery else "dlv_other",
        leased_until=delivery.leased_until if delivery else None,
        started_at=at,
        sign=sign,
        error="The receiver answered 500." if sign is Sign.FAILED else "",
    )


@transaction.atomic
def fail(count: int, *, now: datetime, host: str = HOST) -> Circuit:
    observe([seen(Sign.FAILED, at=now, host=host) for _ in range(count)], now=now)
    return Circuit.objects.get(pk=host)


def open_circuit(receiver: Receiver, *, probe_in: float) -> Circuit:
    """The receiver's circuit, open, with its next probe in so many seconds."""
    fail(FAILURES, now=clock.now(), host=receiver.host)
    Circuit.objects.update(probe_at=clock.now() + timedelta(seconds=probe_in))
    return Circuit.objects.get()


def test_it_opens_at_the_last_of_the_failures_in_a_row(db: None) -> None:
    now = clock.now()
    circuit = fail(FAILURES - 1, now=now)
    assert (circuit.state(now=now), circuit.failures, circuit.opened_at) == (CircuitState.CLOSED, 2, None)
    circuit = fail(1, now=now)
    assert (circuit.failures, circuit.opened_at, circuit.openings) == (3, now, 1)
    assert circuit.probe_at == now + timedelta(seconds=5)
    assert circuit.last_error == "The receiver answered 500."
    assert circuit.state(now=now) is CircuitState.OPEN
    assert circuit.state(now=now + timedelta(seconds=5)) is CircuitState.HALF_OPEN


def test_an_answer_in_between_begins_the_count_anew(db: None) -> None:
    now = clock.now()
    fail(2, now=now)
    observe([seen(Sign.ANSWERED, at=now)], now=now)
    assert fail(2, now=now).opened_at is None
    assert fail(1, now=now).opened_at == now


def test_what_was_not_sent_says_nothing_of_the_host(db: None) -> None:
    now = clock.now()
    fail(2, now=now)
    observe([seen(Sign.NOTHING, at=now)] * 5, now=now)
    assert Circuit.objects.get().failures == 2


def test_failures_far_between_open_nothing(db: None) -> None:
    now = clock.now()
    for number in range(20):
        assert fail(1, now=now + number * (WINDOW + timedelta(seconds=1)) / 2).opened_at is None


def test_control_the_same_failures_within_the_window_do(db: None) -> None:
    now = clock.now()
    opened = [fail(1, now=now + number * WINDOW / 2).opened_at for number in range(3)]
    assert opened == [None, None, now + WINDOW]


def test_each_failed_probe_doubles_the_time_up_to_five_minutes(db: None) -> None:
    assert [open_for(number).total_seconds() for number in range(1, 9)] == [5, 10, 20, 40, 80, 160, 300, 300]
    assert open_for(10**6) == LONGEST_OPEN


def test_one_that_opens_again_soon_goes_on_where_it_was_and_a_late_one_begins_anew(db: None) -> None:
    now = clock.now()
    fail(FAILURES, now=now)
    observe([seen(Sign.ANSWERED, at=now)], now=now)
    circuit = fail(FAILURES, now=now + RELAPSE)
    assert (circuit.openings, circuit.probe_at) == (2, now + RELAPSE + timedelta(seconds=10))
    later = now + RELAPSE
    observe([seen(Sign.ANSWERED, at=later)], now=later)
    assert fail(FAILURES, now=later + RELAPSE + timedelta(seconds=1)).openings == 1


def test_what_was_under_way_when_it_opened_neither_closes_it_nor_keeps_it_open_for_longer(db: None) -> None:
    now = clock.now()
    fail(FAILURES, now=now)
    later = now + timedelta(seconds=1)
    observe(
        [seen(Sign.FAILED, at=now - timedelta(seconds=9)), seen(Sign.ANSWERED, at=now - timedelta(seconds=9))],
        now=later,
    )
    circuit = Circuit.objects.get()
    assert (circuit.openings, circuit.opened_at, circuit.probe_at) == (1, now, now + timedelta(seconds=5))


def test_with_0_there_are_no_circuits(receiver: Receiver, settings: Settings, db: None) -> None:
    open_circuit(receiver, probe_in=60)
    settings.DELIVERY_BREAKER_FAILURES = 0
    enqueue_all(many(2), url=receiver.url)
    send_due(run_seconds=10)
    assert len(receiver.received) == 2
    receiver.answer(then=500)
    enqueue_all(many(9), url=receiver.url)
    send_due(run_seconds=10)
    assert len(receiver.received) == 11


def test_behind_an_open_circuit_nothing_is_sent_and_no_attempt_is_counted(
    receiver: Receiver, settings: Settings, viewer_api: APIClient
) -> None:
    settings.DELIVERY_CONCURRENCY = 2
    receiver.answer(then=503)
    deliveries = enqueue_all(many(10), url=receiver.url)
    send_due(run_seconds=10)
    assert len(receiver.received) == FAILURES
    tried, waiting = deliveries[:FAILURES], deliveries[FAILURES:]
    assert list(Delivery.objects.order_by("pk").values_list("attempts", "retries")) == [(1, 1)] * 3 + [(0, 0)] * 7
    assert Attempt.objects.count() == FAILURES
    circuit = Circuit.objects.get()
    assert (circuit.host, circuit.failures, circuit.last_error) == (receiver.host, 3, "The receiver answered 503.")

    shown = viewer_api.get(f"/api/v1/deliveries/{waiting[0].pk}").json()
    assert (shown["status"], shown["attemptCount"]) == ("pending", 0)
    assert shown["reason"] == (
        f"The receiver {receiver.host} has failed 3 times in a row; until it answers, nothing is sent to it but one"
        " probe at a time. No attempt is counted meanwhile."
    )
    assert circuit.probe_at is not None
    assert shown["nextAttemptAt"] == clock.iso(circuit.probe_at)
    listed = viewer_api.get("/api/v1/deliveries", {"status": "pending"}).json()["data"]
    assert {row["reason"] for row in listed} == {shown["reason"]}
    [host] = viewer_api.get("/api/v1/deliveries/hosts").json()["data"]
    assert host.pop("updatedAt").endswith("Z")
    assert host == {
        "host": receiver.host,
        "state": "open",
        "failuresInRow": 3,
        "openedAt": clock.iso(circuit.opened_at) if circuit.opened_at else None,
        "nextProbeAt": clock.iso(circuit.probe_at),
        "waiting": 10,
        "lastError": "The receiver answered 503.",
    }
    tried[0].refresh_from_db()
    assert tried[0].next_attempt_at is not None


def test_a_probe_that_is_answered_lets_all_go(receiver: Receiver, db: None) -> None:
    open_circuit(receiver, probe_in=-1)
    enqueue_all(many(10), url=receiver.url)
    send_due(run_seconds=10)
    assert [received.headers["webhook-id"] for received in receiver.received[:1]] == ["fir_0"]
    assert len(receiver.received) == 10
    circuit = Circuit.objects.get()
    assert (circuit.state(now=clock.now()), circuit.failures, circuit.probe_id) == (CircuitState.CLOSED, 0, "")
    assert Delivery.objects.filter(status=Status.DELIVERED, attempts=1).count() == 10


def test_one_probe_alone_is_sent_until_it_has_ended(receiver: Receiver, settings: Settings, db: None) -> None:
    settings.DELIVERY_TOTAL_SECONDS = 1
    receiver.answer(then=Answer(hangs=True))
    open_circuit(receiver, probe_in=-1)
    enqueue_all(many(10), url=receiver.url)
    send_due(run_seconds=10)
    assert len(receiver.received) == 1
    circuit = Circuit.objects.get()
    assert circuit.probe_at is not None
    assert (circuit.openings, circuit.failures, circuit.probe_id, circuit.probe_until) == (2, 4, "", None)
    assert timedelta(seconds=8) < circuit.probe_at - clock.now() <= timedelta(seconds=10)
    assert Delivery.objects.filter(attempts=0, status=Status.PENDING).count() == 9


@pytest.mark.parametrize("status", [200, 404, 410, 429])
def test_an_answer_that_is_no_5xx_shows_that_somebody_is_there(receiver: Receiver, db: None, status: int) -> None:
    receiver.answer(status)
    open_circuit(receiver, probe_in=-1)
    enqueue_all(many(2), url=receiver.url)
    send_due(run_seconds=10)
    assert Circuit.objects.get().opened_at is None
    assert len(receiver.received) == 2


def test_a_probe_that_is_not_sent_leaves_the_place_to_the_next(receiver: Receiver, db: None) -> None:
    open_circuit(receiver, probe_in=-1)
    # The first can't be sent: a header that no request may have.
    enqueue_all([{"headers": {"Bad name": "x"}, "firing_id": "fir_bad"}, {"firing_id": "fir_good"}], url=receiver.url)
    send_due(run_seconds=10)
    assert [received.headers["webhook-id"] for received in receiver.received] == ["fir_good"]
    assert Circuit.objects.get().opened_at is None


def test_a_probe_whose_sender_died_is_made_by_another_when_its_lease_has_run_out(receiver: Receiver, db: None) -> None:
    open_circuit(receiver, probe_in=-1)
    enqueue_all(many(2), url=receiver.url)
    now = clock.now()
    [dead] = claim(slots=8, per_host=4, busy={}, now=now).deliveries
    assert claim(slots=8, per_host=4, busy={}, now=now + timedelta(seconds=59)).deliveries == []
    assert len(claim(slots=8, per_host=4, busy={}, now=now + timedelta(seconds=61)).deliveries) == 1
    # What the dead one's answer says comes too late to count.
    observe([seen(Sign.FAILED, at=now, host=receiver.host, delivery=dead)], now=now)
    assert Circuit.objects.get().openings == 1


def test_only_one_worker_is_told_that_it_may_probe(receiver: Receiver, db: None) -> None:
    """Also where both have looked before the first one claimed."""
    open_circuit(receiver, probe_in=-1)
    enqueue_all(many(2), url=receiver.url)
    now = clock.now()
    assert lock_due_for_probe([receiver.host, HOST], now=now) == {receiver.host}
    assert len(claim(slots=8, per_host=4, busy={}, now=now).deliveries) == 1
    assert lock_due_for_probe([receiver.host], now=now) == set()


def test_what_waits_behind_an_open_circuit_takes_no_slot_from_others(receiver: Receiver, db: None) -> None:
    open_circuit(receiver, probe_in=60)
    enqueue_all(many(10), url=receiver.url)
    behind = enqueue_all(many(4, start=100), url="http://127.0.0.1:9/")
    claimed = claim(slots=4, per_host=4, busy={}, now=clock.now()).deliveries
    assert {delivery.pk for delivery in claimed} == {delivery.pk for delivery in behind}


@pytest.fixture
def two_claims(receiver: Receiver, transactional_db: None) -> list[int]:
    """How many deliveries two workers got that claimed at the same moment, the first one not committed yet."""
    enqueue_all(many(10), url=receiver.url)
    signing.current(now=clock.now())
    found: list[int] = []
    return found


def claim_twice_at_once(found: list[int]) -> None:
    first_has_claimed, second_has_claimed = threading.Event(), threading.Event()

    def first() -> None:
        try:
            with transaction.atomic():
                found.append(len(claim(slots=4, per_host=4, busy={}, now=clock.now()).deliveries))
                first_has_claimed.set()
                second_has_claimed.wait(10)
        finally:
            connections.close_all()

    thread = threading.Thread(target=first)
    thread.start()
    assert first_has_claimed.wait(10)
    with transaction.atomic(), connection.cursor() as cursor:
        # Neither may wait for the other.
        cursor.execute("SET LOCAL lock_timeout = '3s'")
        found.append(len(claim(slots=4, per_host=4, busy={}, now=clock.now()).deliveries))
    second_has_claimed.set()
    thread.join(10)


def test_two_workers_at_once_make_one_probe(receiver: Receiver, two_claims: list[int]) -> None:
    open_circuit(receiver, probe_in=-1)
    claim_twice_at_once(two_claims)
    assert two_claims == [1, 0]


def test_control_two_workers_at_once_claim_both_where_the_circuit_is_closed(
    receiver: Receiver, two_claims: list[int]
) -> None:
    claim_twice_at_once(two_claims)
    assert two_claims == [4, 4]


@pytest.mark.django_db(transaction=True)
def test_eight_senders_at_once_make_one_probe_and_what_they_count_is_exact(
    receiver: Receiver, settings: Settings
) -> None:
    settings.DELIVERY_CONCURRENCY = 4
    receiver.answer(then=500)
    open_circuit(receiver, probe_in=-1)
    enqueue_all(many(40), url=receiver.url)
    signing.current(now=clock.now())
    barrier = threading.Barrier(8)

    def run() -> None:
        try:
            barrier.wait(10)
            send_due(run_seconds=10)
        finally:
            connections.close_all()

    senders = [threading.Thread(target=run) for _ in range(8)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(30)
    assert len(receiver.received) == 1
    assert (Circuit.objects.get().failures, Circuit.objects.get().openings) == (FAILURES + 1, 2)
    assert Delivery.objects.filter(attempts=0).count() == 39


@pytest.mark.django_db(transaction=True)
def test_failures_that_two_workers_record_at_once_are_all_counted(settings: Settings) -> None:
    settings.DELIVERY_BREAKER_FAILURES = 10_000
    barrier = threading.Barrier(4)
    hosts = [f"h{number}:443" for number in range(5)]

    def run(order: list[str]) -> None:
        try:
            barrier.wait(10)
            for _ in range(20):
                with transaction.atomic():
                    now = clock.now()
                    observe([seen(Sign.FAILED, at=now, host=host) for host in order], now=now)
        finally:
            connections.close_all()

    # In opposite orders: workers that locked as they were told would wait for each other.
    workers = [threading.Thread(target=run, args=(hosts[:: 1 - 2 * (number % 2)],)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    assert dict(Circuit.objects.values_list("host", "failures")) == dict.fromkeys(hosts, 80)


def test_a_dead_receiver_leaves_the_threads_to_the_others(receiver: Receiver, settings: Settings, db: None) -> None:
    """Without a circuit it would hold half of them for each timeout."""
    settings.DELIVERY_CONCURRENCY = 4
    settings.DELIVERY_TOTAL_SECONDS = 0.5
    receiver.answer(then=Answer(hangs=True))
    enqueue_all(many(40), url=receiver.url)
    with open_receiver() as other:
        other.gather(4)
        send_due(run_seconds=10)
        assert len(receiver.received) == 4  # two at a time, until three have failed
        enqueue_all(many(40, start=100), url=receiver.url)
        enqueue_all(many(8, start=200), url=other.url)
        settings.DELIVERY_CONCURRENCY = 8
        send_due(run_seconds=10)
        assert (len(other.received), len(receiver.received)) == (8, 4)


def test_where_all_goes_well_circuits_cost_one_query_a_record(receiver: Receiver, enqueue_one: Enqueue) -> None:
    enqueue_one()
    with CaptureQueriesContext(connection) as captured:
        send_due(run_seconds=10)
    asked = [query["sql"] for query in captured.captured_queries if '"delivery_circuit"' in query["sql"]]
    assert len(asked) == 1
    assert asked[0].startswith("SELECT")
    assert Circuit.objects.count() == 0


def test_sending_again_by_hand_asks_for_a_probe_at_once(receiver: Receiver, enqueue_one: Enqueue) -> None:
    ended = enqueue_one(firing_id="fir_ended")
    Delivery.objects.update(status=Status.DEAD, next_attempt_at=None)
    open_circuit(receiver, probe_in=300)
    enqueue_all(many(3), url=receiver.url)
    send_due(run_seconds=10)
    assert receiver.received == []
    redeliver(delivery=ended, now=clock.now())
    send_due(run_seconds=10)
    assert sorted(received.headers["webhook-id"] for received in receiver.received) == [
        "fir_0",
        "fir_1",
        "fir_2",
        "fir_ended",
    ]


def test_the_admin_pages_show_receivers_and_let_one_be_probed(
    receiver: Receiver, enqueue_one: Enqueue, client: Client
) -> None:
    client.force_login(User.objects.create_user("ada", role=Role.ADMIN))
    delivery = enqueue_one()
    circuit = open_circuit(receiver, probe_in=300)
    page = client.get("/admin/delivery/circuit/").content.decode()
    assert receiver.host in page
    assert "Sends nothing" in page
    assert client.get(f"/admin/delivery/circuit/{circuit.pk}/change/").status_code == 200
    assert (
        "has failed 3 times in a row" in client.get(f"/admin/delivery/delivery/{delivery.pk}/change/").content.decode()
    )
    answer = client.post(
        "/admin/delivery/circuit/", {"action": "probe_now", "_selected_action": [circuit.pk]}, follow=True
    )
    assert "Receivers that are probed now: 1." in answer.content.decode()
    circuit.refresh_from_db()
    assert circuit.state(now=clock.now()) is CircuitState.HALF_OPEN


def test_circuits_that_have_long_been_closed_are_forgotten(db: None) -> None:
    now = clock.now()
    fail(FAILURES, now=now - timedelta(days=50), host="open:443")
    fail(1, now=now - timedelta(days=50), host="failing:443")
    for host, days in (("healthy:443", 50), ("lately:443", 1)):
        fail(1, now=now - timedelta(days=days), host=host)
        observe([seen(Sign.ANSWERED, at=now, host=host)], now=now - timedelta(days=days))
    assert forget_healthy(before=now - timedelta(days=30), limit=10) == 1
    assert sorted(Circuit.objects.values_list("host", flat=True)) == ["failing:443", "lately:443", "open:443"]


def test_control_circuits_are_on_unless_they_are_switched_off(settings: Settings) -> None:
    assert circuits.are_used()
    settings.DELIVERY_BREAKER_FAILURES = 0
    assert not circuits.are_used()
