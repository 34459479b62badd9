"""Work goes on while rows are deleted: nobody waits but for the very rows, and locked ones are passed over."""

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import OperationalError, connection, connections, transaction
from pytest_django import Settings

from kaireon.core import clock, retention
from kaireon.delivery import gates
from kaireon.delivery.models import Attempt, Delivery, Status
from kaireon.delivery.outbox import NewDelivery, enqueue
from kaireon.delivery.sender import send_due
from kaireon.events import retention as events_retention
from kaireon.events.ingestion import ingest
from kaireon.events.models import Event
from tests.delivery.receiver import Receiver
from tests.retention import aged
from tests.triggers.fixtures import Send, decisions, process_all
from triggers.models import Firing, Trigger

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _thirty_days(settings: Settings) -> None:
    settings.RETENTION_DAYS = dict.fromkeys(settings.RETENTION_DAYS, 30)


def in_a_thread(work: Callable[[], object]) -> threading.Thread:
    def run() -> None:
        try:
            work()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@contextmanager
def in_the_middle_of_a_batch(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A run stands still in another thread, its batch's rows locked and its transaction open."""
    has_locked, may_go_on = threading.Event(), threading.Event()

    def stand_still(ids: Collection[str]) -> Collection[str]:
        has_locked.set()
        assert may_go_on.wait(20)
        return ()

    monkeypatch.setattr(events_retention, "_keepers", {"test": stand_still})
    thread = in_a_thread(lambda: retention.run(now=clock.now()))
    try:
        assert has_locked.wait(10)
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '3s'")
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")
        may_go_on.set()
        thread.join(20)


def test_events_come_in_fire_and_are_delivered_while_a_batch_is_being_deleted(
    monkeypatch: pytest.MonkeyPatch,
    receiver: Receiver,
    make_trigger: Callable[..., Trigger],
    make_customer: Callable[..., None],
    send: Send,
) -> None:
    monkeypatch.setattr(gates, "_gates", {})
    make_customer("cust_78")
    trigger = make_trigger()
    for _ in range(20):
        aged.event(40)
    with in_the_middle_of_a_batch(monkeypatch):
        assert decisions(send()) == {trigger.pk: "fired"}
        (duplicate,) = ingest(
            {"eventId": Event.objects.latest("sequence").event_id, "eventType": "purchase"},
            source="api",
            now=clock.now(),
        )
        assert duplicate.is_duplicate
        with transaction.atomic():
            [delivery_id] = enqueue(
                [
                    NewDelivery(
                        source="trigger",
                        source_id=trigger.pk,
                        firing_id="fir_1",
                        event_id="evt_1",
                        customer_id="cust_78",
                        url=receiver.url,
                        method="POST",
                        headers={},
                        body={},
                    )
                ]
            )
        send_due(run_seconds=10)
        assert Delivery.objects.get(pk=delivery_id).status == Status.DELIVERED
        assert Event.objects.filter(received_at__lt=clock.now() - timedelta(days=30)).count() == 20
    assert Event.objects.filter(received_at__lt=clock.now() - timedelta(days=30)).count() == 0


def test_control_the_rows_of_that_batch_are_locked_indeed(monkeypatch: pytest.MonkeyPatch) -> None:
    old = aged.event(40)
    with in_the_middle_of_a_batch(monkeypatch), pytest.raises(OperationalError), transaction.atomic():
        Event.objects.select_for_update(nowait=True).get(pk=old.pk)


def test_two_runs_at_once_delete_each_row_once_and_do_not_wait_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kaireon.events.retention.BATCH_SIZE", 10)
    monkeypatch.setattr(retention, "_rules", {"events": retention._rules["events"]})
    for _ in range(25):
        aged.event(40)
    with in_the_middle_of_a_batch(monkeypatch):
        monkeypatch.setattr(events_retention, "_keepers", {})
        # The other one has the first ten.
        assert retention.run(now=clock.now()) == {"events": 15}
    assert Event.objects.count() == 0


def test_what_somebody_has_locked_is_passed_over_and_goes_the_next_time() -> None:
    locked = [aged.event(40), aged.delivery(40), aged.firing(40)]
    for _ in range(4):
        aged.event(40)
        aged.delivery(40)
        aged.firing(40)
    has_locked, may_go_on = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            for row in locked:
                type(row)._default_manager.select_for_update().get(pk=row.pk)
            has_locked.set()
            may_go_on.wait(20)

    thread = in_a_thread(hold)
    assert has_locked.wait(10)
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '3s'")
    try:
        assert retention.run(now=clock.now()) == {"events": 4, "deliveries": 4, "firings": 4}
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")
        may_go_on.set()
        thread.join(20)
    assert (Event.objects.count(), Delivery.objects.count(), Attempt.objects.count(), Firing.objects.count()) == (
        1,
        1,
        1,
        1,
    )
    assert retention.run(now=clock.now()) == {"events": 1, "deliveries": 1, "firings": 1}


@pytest.mark.slow
def test_events_go_on_firing_while_many_runs_delete_and_every_count_is_exact(
    monkeypatch: pytest.MonkeyPatch,
    make_trigger: Callable[..., Trigger],
    make_customer: Callable[..., None],
) -> None:
    """Two runs delete 6,000 old events and firings while 1,000 new events come in and fire."""
    monkeypatch.setattr("kaireon.events.retention.BATCH_SIZE", 50)
    monkeypatch.setattr("triggers.engine.retention.BATCH_SIZE", 50)
    make_customer("cust_78")
    process_all()
    trigger = make_trigger()
    old = clock.now() - timedelta(days=40)
    Event.objects.all().delete()
    Event.objects.bulk_create(
        Event(event_id=f"old{n}", event_type="purchase", occurred_at=old, received_at=old, source="api", lane=n % 16,
              status="processed")
        for n in range(6000)
    )  # fmt: skip
    Firing.objects.bulk_create(
        Firing(id=f"fir_old{n}", trigger_id=trigger.pk, trigger_version=1, event_id=f"old{n}", event_type="purchase",
               lane=n % 16, action_type="webhook", outcome="queued", fired_at=old, duration_ms=1.0)
        for n in range(6000)
    )  # fmt: skip
    totals: list[dict[str, int]] = []

    def delete() -> None:
        while found := retention.run(now=clock.now()):
            totals.append(found)

    deleting = [in_a_thread(delete) for _ in range(2)]
    for start in range(0, 1000, 100):
        body = [
            {"eventId": f"new{n}", "eventType": "purchase", "customerId": "cust_78"} for n in range(start, start + 100)
        ]
        ingest(body, source="api", now=clock.now())
        process_all()
    for thread in deleting:
        thread.join(50)
    assert sum(found.get("events", 0) for found in totals) == 6000
    assert sum(found.get("firings", 0) for found in totals) == 6000
    assert Event.objects.filter(event_id__startswith="old").count() == 0
    assert Firing.objects.filter(trigger_id=trigger.pk, event_id__startswith="new").count() == 1000
    assert Event.objects.filter(event_id__startswith="new", status="processed").count() == 1000
