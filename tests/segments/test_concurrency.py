"""Records and segments that are written at the same time, by threads with connections of their own."""

import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from kaireon import conditions
from kaireon.core import clock
from kaireon.core.errors import NotFound
from kaireon.customers import memberships, records, reevaluation
from kaireon.customers.models import Membership, Record, Schema, Segment
from kaireon.customers.records import delete_record, upsert_rows
from kaireon.customers.reevaluation import Step, evaluate_chunk, let_writers_pass, reevaluate
from kaireon.customers.segments import create_segment, delete_segment, update_segment
from kaireon.customers.working_set import WorkingSet
from tests.customers.factories import make_record, make_schema
from tests.customers.together import DEADLINE_SECONDS, in_background, run_together, until_one_waits_for_a_lock
from tests.segments.population import GOLD, PROFILE, members, moves, put, settle, settled_segment

pytestmark = pytest.mark.django_db(transaction=True)

SILVER = {"field": "customer.tier", "operator": "eq", "value": "silver"}
NAMES = [f"c{number:03}" for number in range(60)]
FIELDS = {"tier": "text", "event_count": "integer"}


@pytest.fixture
def profile() -> Schema:
    return make_schema(fields=FIELDS)


def write_tiers(tier: str, names: list[str]) -> None:
    upsert_rows(schema_id=PROFILE, rows=[{"customerId": name, "tier": tier} for name in names], now=clock.now())


def check_whole(segment_id: str = "seg_gold") -> None:
    """The memberships are what the criteria say, and each customer's events alternate and end where they are."""
    holds = conditions.compile(conditions.parse(Segment.objects.get(pk=segment_id).criteria))
    expected = [
        record.customer_id
        for record in Record.objects.order_by("customer_id")
        if holds({"customer": record.attributes})
    ]
    assert members(segment_id) == expected
    story: dict[str, list[str]] = {}
    for move, name in moves(segment_id):
        story.setdefault(name, []).append(move)
    for moved in story.values():
        assert moved == [("entered", "exited")[number % 2] for number in range(len(moved))]
    assert sorted(name for name, moved in story.items() if len(moved) % 2) == expected


def deadlocks() -> int:
    """How many PostgreSQL has broken so far."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        (count,) = cursor.fetchone()
    return int(count)


@pytest.mark.usefixtures("profile")
def test_many_write_the_same_records_and_every_move_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "_TRIES", 1)
    settled_segment()

    def write(number: int) -> None:
        for turn in range(4):
            tier = "gold" if (turn + number) % 2 else "silver"
            write_tiers(tier, NAMES if number % 2 else NAMES[::-1])

    run_together([partial(write, number) for number in range(6)])
    check_whole()


@pytest.mark.usefixtures("profile")
def test_a_chunk_waits_for_the_batch_that_has_the_record_and_judges_what_it_wrote() -> None:
    for name in "abc":
        put(name, tier="silver")
    create_segment(segment_id="seg_gold", name="Gold", criteria=GOLD, now=clock.now())
    let_writers_pass("seg_gold")
    with transaction.atomic():
        batch = WorkingSet(now=clock.now())
        batch.load(PROFILE, ["b"], lock=True)
        chunk = in_background(partial(evaluate_chunk, "seg_gold", size=10, now=clock.now()))
        until_one_waits_for_a_lock()
        batch.change(schema_id=PROFILE, customer_id="b", attributes={"tier": "gold"}, cause="fir_1", depth=1)
        batch.flush()
    assert chunk.result(DEADLINE_SECONDS) is Step.DONE
    assert (members(), moves()) == (["b"], [("entered", "b")])


@pytest.mark.usefixtures("profile")
def test_a_writer_waits_for_the_chunk_that_has_the_record(monkeypatch: pytest.MonkeyPatch) -> None:
    put("ada", tier="gold")
    create_segment(segment_id="seg_gold", name="Gold", criteria=GOLD, now=clock.now())
    let_writers_pass("seg_gold")
    in_hand, go_on = threading.Event(), threading.Event()
    move = reevaluation._move

    def move_later(*arguments: Any, **more: Any) -> None:
        in_hand.set()
        go_on.wait(DEADLINE_SECONDS)
        move(*arguments, **more)

    monkeypatch.setattr(reevaluation, "_move", move_later)
    chunk = in_background(partial(evaluate_chunk, "seg_gold", size=10, now=clock.now()))
    assert in_hand.wait(DEADLINE_SECONDS)
    writing = in_background(partial(write_tiers, "silver", ["ada"]))
    until_one_waits_for_a_lock()
    go_on.set()
    assert chunk.result(DEADLINE_SECONDS) is Step.DONE
    writing.result(DEADLINE_SECONDS)
    assert moves() == [("entered", "ada"), ("exited", "ada")]
    check_whole()


class _Paused:
    """A bulk upsert that has inserted its records and read the segments, and goes on when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, tier: str, names: list[str]) -> None:
        self._in_hand, self._go_on = threading.Event(), threading.Event()
        read = memberships._segments
        writer = threading.current_thread()

        def read_then_wait(schema_id: str) -> Any:
            found = read(schema_id)
            if threading.current_thread() is writer:
                self._in_hand.set()
                self._go_on.wait(DEADLINE_SECONDS)
            return found

        def write() -> None:
            nonlocal writer
            writer = threading.current_thread()
            write_tiers(tier, names)

        monkeypatch.setattr(memberships, "_segments", read_then_wait)
        self._future = in_background(write)
        assert self._in_hand.wait(DEADLINE_SECONDS)

    def finish(self) -> None:
        self._go_on.set()
        self._future.result(DEADLINE_SECONDS)


@pytest.mark.usefixtures("profile")
def test_control_without_letting_writers_pass_a_record_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    settled_segment(criteria=SILVER)
    paused = _Paused(monkeypatch, "gold", ["new"])
    update_segment(segment_id="seg_gold", criteria=GOLD, now=clock.now())
    Segment.objects.update(writers_have_passed=True)
    settle("seg_gold")
    paused.finish()
    assert members() == []


@pytest.mark.usefixtures("profile")
@pytest.mark.parametrize("is_new", [True, False])
def test_a_record_that_is_being_inserted_while_criteria_change_ends_in_the_right_place(
    monkeypatch: pytest.MonkeyPatch, is_new: bool
) -> None:
    if not is_new:
        settled_segment(criteria=SILVER)
    paused = _Paused(monkeypatch, "gold", ["new"])
    if is_new:
        create_segment(segment_id="seg_gold", name="Gold", criteria=GOLD, now=clock.now())
    else:
        update_segment(segment_id="seg_gold", criteria=GOLD, now=clock.now())
    settling = in_background(partial(settle, "seg_gold"))
    until_one_waits_for_a_lock()
    assert Segment.objects.get().is_evaluating
    paused.finish()
    settling.result(DEADLINE_SECONDS)
    assert moves() == [("entered", "new")]
    check_whole()


@pytest.mark.usefixtures("profile")
def test_a_segment_that_is_deleted_under_a_writer_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    settled_segment()
    paused = _Paused(monkeypatch, "gold", ["new"])
    deleting = in_background(partial(delete_segment, segment_id="seg_gold", now=clock.now()))
    until_one_waits_for_a_lock()
    paused.finish()
    deleting.result(DEADLINE_SECONDS)
    assert (Segment.objects.count(), Membership.objects.count()) == (0, 0)
    assert moves() == [("entered", "new")]


@pytest.mark.usefixtures("profile")
def test_a_worker_that_loses_its_connection_in_mid_chunk_leaves_all_to_the_next_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_tiers("gold", NAMES)
    create_segment(segment_id="seg_gold", name="Gold", criteria=GOLD, now=clock.now())
    let_writers_pass("seg_gold")
    evaluate_chunk("seg_gold", size=20, now=clock.now())
    with monkeypatch.context() as breaking:

        def publish_after_the_end(*_: Any, **__: Any) -> None:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

        breaking.setattr(reevaluation, "publish", publish_after_the_end)
        chunk = in_background(partial(reevaluate, "seg_gold", run_seconds=5, chunk_size=20))
        with pytest.raises(OperationalError):
            chunk.result(DEADLINE_SECONDS)
    segment = Segment.objects.get()
    assert (segment.is_evaluating, segment.cursor, segment.done) == (True, NAMES[19], 20)
    assert members() == NAMES[:20]
    settle("seg_gold", chunk_size=20)
    assert moves() == [("entered", name) for name in NAMES]
    check_whole()


@pytest.mark.usefixtures("profile")
def test_two_workers_at_once_tell_each_move_once() -> None:
    write_tiers("gold", NAMES)
    create_segment(segment_id="seg_gold", name="Gold", criteria=GOLD, now=clock.now())
    run_together([partial(reevaluate, "seg_gold", run_seconds=20, chunk_size=5)] * 4)
    segment = Segment.objects.get()
    assert (segment.is_evaluating, segment.done) == (False, len(NAMES))
    assert sorted(moves()) == [("entered", name) for name in NAMES]
    check_whole()


@pytest.mark.usefixtures("profile")
def test_everything_at_once_ends_right_and_nobody_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bulk writers, batches, deletions, two segments whose criteria change, and workers that try them."""
    # Here records are deleted under a bulk writer's hands again and again.
    monkeypatch.setattr(records, "_TRIES", 1000)
    before = deadlocks()
    write_tiers("gold", NAMES[::2])
    settled_segment("seg_gold", GOLD)
    settled_segment("seg_other", SILVER)
    over = threading.Event()

    def bulk(number: int) -> None:
        for turn in range(6):
            names = NAMES[number * 5 :] if turn % 2 else NAMES[: 50 - number * 5 : -1]
            write_tiers("gold" if (turn + number) % 2 else "silver", names)

    def batches() -> None:
        for turn in range(10):
            with transaction.atomic():
                batch = WorkingSet(now=clock.now())
                names = NAMES[turn : turn + 20]
                batch.load(PROFILE, names, lock=True)
                for name in names:
                    if batch.attributes(PROFILE, name) is not None:
                        tier = {"tier": ("gold", "silver")[turn % 2], "event_count": turn}
                        batch.change(schema_id=PROFILE, customer_id=name, attributes=tier, cause="fir_1", depth=1)
                batch.flush()

    def deletions() -> None:
        for name in NAMES[::3]:
            try:
                delete_record(schema_id=PROFILE, customer_id=name, now=clock.now())
            except NotFound:
                continue

    def criteria(segment_id: str) -> None:
        for turn in range(6):
            wanted = (SILVER, GOLD, {}, {"field": "customer.event_count", "operator": "gt", "value": 4})[turn % 4]
            update_segment(segment_id=segment_id, criteria=wanted, now=clock.now())

    def worker(segment_id: str) -> None:
        while not over.is_set():
            reevaluate(segment_id, run_seconds=0.2, chunk_size=7)

    workers = [in_background(partial(worker, name)) for name in ("seg_gold", "seg_other", "seg_gold")]
    calls: list[Callable[[], None]] = [
        *(partial(bulk, number) for number in range(3)),
        batches,
        deletions,
        partial(criteria, "seg_gold"),
        partial(criteria, "seg_other"),
    ]
    try:
        run_together(calls)
    finally:
        over.set()
        for one in workers:
            one.result(DEADLINE_SECONDS)
    for segment_id in ("seg_gold", "seg_other"):
        settle(segment_id)
        check_whole(segment_id)
    assert deadlocks() == before


@pytest.fixture
def _patient_postgres(profile: Schema) -> Iterator[None]:
    """PostgreSQL looks for deadlocks so late that whoever is broken was broken by itself."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {connection.settings_dict['NAME']} SET deadlock_timeout = '20s'")
    yield
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {connection.settings_dict['NAME']} RESET deadlock_timeout")


@pytest.mark.usefixtures("_patient_postgres")
def test_a_chunk_gives_way_to_a_batch_that_locks_in_two_goes() -> None:
    for name in "ab":
        put(name, tier="gold")
    create_segment(segment_id="seg_gold", name="Gold", criteria=GOLD, now=clock.now())
    let_writers_pass("seg_gold")
    with transaction.atomic():
        batch = WorkingSet(now=clock.now())
        batch.load(PROFILE, ["b"], lock=True)
        chunk = in_background(partial(settle, "seg_gold"))
        until_one_waits_for_a_lock()
        batch.load(PROFILE, ["a"], lock=True)
        for name in "ab":
            batch.change(schema_id=PROFILE, customer_id=name, attributes={}, cause="fir_1", depth=1)
        batch.flush()
    chunk.result(DEADLINE_SECONDS)
    assert (members(), Segment.objects.get().done) == ([], 2)


@pytest.mark.usefixtures("profile")
def test_writers_that_take_too_long_are_waited_for_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reevaluation, "_BARRIER_LOCK_TIMEOUT", "50ms")
    make_record(Schema.objects.get(), customer_id="ada", attributes={"tier": "gold"})
    create_segment(segment_id="seg_gold", name="Gold", criteria=GOLD, now=clock.now())
    with transaction.atomic():
        WorkingSet(now=clock.now()).load(PROFILE, ["eve"], lock=True)
        assert in_background(partial(reevaluate, "seg_gold", run_seconds=5)).result(DEADLINE_SECONDS) is False
    assert Segment.objects.get().is_evaluating
    settle("seg_gold")
    assert members() == ["ada"]
