"""Erasing while others are in the middle of something. With real threads, connections and commits."""

import threading
from collections.abc import Callable

import pytest
from django.db import connection, connections, transaction

from audit import sealing
from audit.erasure import erase_entries, note_start
from audit.keys import sealing_key
from audit.models import Entry
from audit.verification import verify
from kaireon.core import clock
from kaireon.erasure.erasing import Erasure, erase_customer
from kaireon.events.lanes import lane_of, try_locks
from kaireon.events.models import Event
from tests.audit.tampering import add_many, seal_all
from tests.factories import EventFactory, FiringFactory
from triggers.models import Firing

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE = 20.0
SECRET = "PERSONAL-7f3a"


class Thread(threading.Thread):
    """Runs `work` with a connection of its own, and tells what it raised when it is joined."""

    def __init__(self, work: Callable[[], object]) -> None:
        super().__init__()
        self._work = work
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001  told by the test's own thread
            self._error = error
        finally:
            connections.close_all()

    def finish(self) -> None:
        """Waits for its end."""
        self.join(PATIENCE)
        assert not self.is_alive()
        if self._error is not None:
            raise self._error


def somebody_waits_for_an_advisory_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        return bool(cursor.fetchone()[0])


def wait_until(condition: Callable[[], bool]) -> None:
    """Looks again and again, for a while."""
    pause = threading.Event()
    for _ in range(1000):
        if condition():
            return
        pause.wait(0.01)
    raise AssertionError("it did not come to that")


def test_what_a_worker_in_the_middle_of_an_event_writes_is_erased_too() -> None:
    event = EventFactory.create(
        customer_id="ada", status="pending", processed_at=None, properties={"note": SECRET}, source="api"
    )
    has_lane, may_end = threading.Event(), threading.Event()
    erasures: list[Erasure] = []

    def work_on_the_event() -> None:
        with transaction.atomic():
            assert try_locks([lane_of(customer_id="ada", event_id="")])
            has_lane.set()
            assert may_end.wait(PATIENCE)
            FiringFactory.create(customer_id="ada", event_id=event.event_id, detail={"after": SECRET})
            add_many(1, customer_id="ada", facts={"detail": SECRET})
            Event.objects.filter(pk=event.pk).update(
                status="processed", processed_at=clock.now(), decisions=[{"triggerId": "trg_t", "reason": SECRET}]
            )

    worker = Thread(work_on_the_event)
    eraser = Thread(lambda: erasures.append(erase_customer("ada", run_seconds=PATIENCE)))
    worker.start()
    assert has_lane.wait(PATIENCE)
    eraser.start()
    wait_until(somebody_waits_for_an_advisory_lock)
    may_end.set()
    worker.finish()
    eraser.finish()
    assert erasures[0].is_complete
    event.refresh_from_db()
    assert (event.status, event.properties, event.decisions) == ("processed", {}, [{"triggerId": "trg_t"}])
    assert Firing.objects.get().detail == {}
    assert {
        str(facts) for facts in Entry.objects.exclude(action="customer.erased").values_list("facts", flat=True)
    } == {
        "{'erased': True}",
        "{}",
    }


def test_nothing_is_sealed_between_the_choice_of_the_key_and_the_erasure() -> None:
    """Else a process with a newer key could seal an entry for which the older one's digest was made."""
    ids = add_many(1, customer_id="ada")
    note_start(customer_id="ada")
    has_erased, may_end = threading.Event(), threading.Event()

    def erase() -> None:
        with transaction.atomic():
            assert erase_entries("ada", after=None, limit=10).changed == 1
            has_erased.set()
            assert may_end.wait(PATIENCE)

    eraser = Thread(erase)
    eraser.start()
    assert has_erased.wait(PATIENCE)
    assert sealing._seal_some(sealing_key(), up_to=ids[0], batch_size=10, now=clock.now()) == []
    may_end.set()
    eraser.finish()
    assert len(sealing._seal_some(sealing_key(), up_to=ids[0], batch_size=10, now=clock.now())) == 1
    assert verify().is_intact


@pytest.mark.slow
def test_sealing_and_erasing_at_once_leave_an_unbroken_chain() -> None:
    stop = threading.Event()
    counts = {"sealed": 0, "erased": 0}
    note_start(customer_id="ada")

    def write() -> None:
        while not stop.is_set():
            add_many(20, customer_id="ada")

    def seal() -> None:
        while not stop.is_set():
            counts["sealed"] += sealing.seal(run_seconds=0.2, patience_seconds=PATIENCE, batch_size=30).entries

    def erase() -> None:
        while not stop.is_set():
            counts["erased"] += erase_entries("ada", after=None, limit=50).changed

    threads = [Thread(write), Thread(seal), Thread(erase)]
    for thread in threads:
        thread.start()
    stop.wait(2)
    stop.set()
    for thread in threads:
        thread.finish()
    assert min(counts.values()) > 100, counts
    seal_all()
    report = verify()
    assert report.findings == []
    assert report.entries == Entry.objects.count()
