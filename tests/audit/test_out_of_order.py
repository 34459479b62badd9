"""An entry may show up behind one with a larger id. With real threads, connections and commits."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.db import connection, connections, transaction

from audit import sealing
from audit.models import Entry, Seal
from audit.sealing import seal
from audit.settling import Unsettled, settled_id
from audit.tasks import seal_entries
from audit.verification import Kind, verify
from tests.audit.tampering import add_many, found, seal_all

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE = 20.0


class Writer:
    """Somebody who writes entries in a transaction of his own and takes his time to end it."""

    def __init__(self, work: Callable[[], Any] = lambda: add_many(2), *, commit: bool = True) -> None:
        self._work, self._commit = work, commit
        self.has_written, self._may_end = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Writer":
        self._thread.start()
        assert self.has_written.wait(PATIENCE)
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Lets the transaction end, and waits until it has."""
        self._may_end.set()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        try:
            with transaction.atomic():
                self._work()
                self.has_written.set()
                assert self._may_end.wait(PATIENCE)
                if not self._commit:
                    transaction.set_rollback(True)
        finally:
            connections.close_all()


@pytest.fixture
def without_settling(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: seals up to the largest id that can be seen, as one would at first think."""
    monkeypatch.setattr(
        sealing,
        "settled_id",
        lambda **_: Entry.objects.order_by("-id").values_list("id", flat=True).first() or 0,
    )


def test_nothing_is_sealed_while_a_smaller_id_may_still_come() -> None:
    with Writer() as writer:
        add_many(3)
        with pytest.raises(Unsettled):
            seal_all()
        assert not Seal.objects.exists()
        writer.end()
        assert seal_all().entries == 5
    report = verify()
    assert (report.is_intact, report.entries) == (True, 5)


@pytest.mark.usefixtures("without_settling")
def test_control_sealing_up_to_what_is_seen_takes_a_late_entry_for_an_inserted_one() -> None:
    with Writer() as writer:
        add_many(3)
        assert seal_all().entries == 3
        writer.end()
    late = list(Entry.objects.order_by("id").values_list("id", flat=True)[:2])
    assert found() == [(Kind.ENTRY_INSERTED, late[0]), (Kind.ENTRY_INSERTED, late[1])]


def test_what_a_long_transaction_rolls_back_is_not_missing() -> None:
    with Writer(commit=False) as writer:
        add_many(3)
        with pytest.raises(Unsettled):
            seal_all()
        writer.end()
    assert seal_all().entries == 3
    assert verify().is_intact


def test_an_id_that_is_drawn_before_the_transaction_has_an_id_of_its_own_is_waited_for() -> None:
    """PostgreSQL gives a transaction its id with its first row: going by those ids would overlook this one."""

    def draw_alone() -> None:
        with connection.cursor() as cursor:
            # What COPY does for each line of its buffer, before it writes the first of them.
            cursor.execute("LOCK TABLE audit_entry IN ROW EXCLUSIVE MODE")
            cursor.execute("SELECT nextval('audit_entry_id_seq') FROM generate_series(1, 3)")
            cursor.execute("SELECT pg_current_xact_id_if_assigned() IS NULL")

    with Writer(draw_alone) as writer:
        add_many(1)
        with pytest.raises(Unsettled):
            seal_all()
        writer.end()
    assert seal_all().entries == 1


def test_who_reads_only_or_writes_elsewhere_is_not_waited_for() -> None:
    def read_and_write_elsewhere() -> None:
        list(Entry.objects.all())
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id()")

    with Writer(read_and_write_elsewhere):
        add_many(3)
        assert seal_all().entries == 3


def test_a_writer_who_began_later_is_not_waited_for() -> None:
    """Else a steady stream of writers would keep the log from ever being sealed."""
    add_many(1)
    first = Writer()
    second = Writer()
    answers: list[int] = []

    def ask() -> None:
        try:
            answers.append(settled_id(patience_seconds=PATIENCE))
        finally:
            connections.close_all()

    with first:
        add_many(1)
        asking = threading.Thread(target=ask)
        newest = Entry.objects.order_by("-id").values_list("id", flat=True)[0]
        asking.start()
        _wait_until_asked(first)
        with second:
            first.end()
            asking.join(PATIENCE)
            assert not asking.is_alive()
    assert answers == [newest]


def _wait_until_asked(first: Writer) -> None:
    """Until the thread has listed its writers: it polls pg_locks from a connection of its own."""
    deadline = threading.Event()
    for _ in range(1000):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query LIKE '%%pg_locks%%'"
                " AND datname = current_database()"
            )
            if cursor.fetchone()[0]:
                return
        deadline.wait(0.01)
    raise AssertionError("nobody asked")


def test_the_task_waits_for_another_time(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audit.tasks.PATIENCE_SECONDS", 0.0)
    with Writer() as writer:
        seal_entries()
        assert "Audit entries wait to be sealed: transactions that write audit entries are open" in caplog.text
        writer.end()
    seal_entries()
    assert Seal.objects.get().count == 2


def test_one_seals_at_a_time() -> None:
    add_many(2)
    with Writer(lambda: sealing.hold_sealing()) as holder:
        assert seal_all().seals == 0
        holder.end()
    assert seal_all().seals == 1


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_many_writers_and_two_sealers_make_one_unbroken_chain() -> None:
    """Short and long transactions, a third of them rolled back, and sealing all the while."""
    stop = threading.Event()
    failures: list[BaseException] = []

    def running(work: Callable[[], None]) -> threading.Thread:
        def run() -> None:
            try:
                while not stop.is_set():
                    work()
            except BaseException as error:  # noqa: BLE001  told by the test's own thread
                failures.append(error)
            finally:
                connections.close_all()

        return threading.Thread(target=run)

    rounds = {"count": 0}

    def write() -> None:
        rounds["count"] += 1
        turn = rounds["count"]
        with transaction.atomic():
            add_many(20)
            stop.wait(0.03 if turn % 7 == 0 else 0)
            add_many(5)
            if turn % 3 == 0:
                transaction.set_rollback(True)

    def seal_a_round() -> None:
        with suppress(Unsettled):
            seal(run_seconds=1, patience_seconds=1, batch_size=50)

    threads = [*(running(write) for _ in range(6)), running(seal_a_round), running(seal_a_round)]
    for thread in threads:
        thread.start()
    stop.wait(4)
    sealed_meanwhile = Seal.objects.count()
    stop.set()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert failures == []
    assert sealed_meanwhile > 3
    seal_all()
    report = verify()
    assert report.findings == []
    assert report.entries == Entry.objects.count() > 500
