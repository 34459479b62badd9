"""New criteria are tried on the stored records in the background."""

from datetime import timedelta
from typing import Any

import pytest

from kaireon.core import clock
from kaireon.customers import reevaluation, tasks
from kaireon.customers.models import Record, Schema, Segment
from kaireon.customers.records import upsert_rows
from kaireon.customers.reevaluation import Step, evaluate_chunk, let_writers_pass, reevaluate, stalled
from kaireon.customers.segments import create_segment, update_segment
from kaireon.events.models import Event
from tests.segments.population import ACTIVE, GOLD, PROFILE, members, moves, put, settle, settled_segment

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("schema")]

NAMES = [f"c{number:02}" for number in range(25)]


@pytest.fixture
def _customers(schema: Schema) -> None:
    """25 customers; of c00, c01 and so on the even ones are gold, and the number is the event count."""
    rows = [
        {"customerId": name, "event_count": number, "tier": "silver" if number % 2 else "gold"}
        for number, name in enumerate(NAMES)
    ]
    upsert_rows(schema_id=PROFILE, rows=rows, now=clock.now())


def create(criteria: Any = GOLD) -> Segment:
    return create_segment(segment_id="seg_gold", name="Gold", criteria=criteria, now=clock.now())


def state() -> tuple[bool, str, int, int]:
    segment = Segment.objects.get(pk="seg_gold")
    return segment.is_evaluating, segment.cursor, segment.done, segment.total


@pytest.mark.usefixtures("_customers")
def test_a_new_segment_finds_its_members_and_tells_of_each_once() -> None:
    create()
    assert (members(), state()) == ([], (True, "", 0, 25))
    settle("seg_gold", chunk_size=7)
    assert members() == NAMES[::2]
    assert moves() == [("entered", name) for name in NAMES[::2]]
    assert state() == (False, "c24", 25, 25)
    entered = Event.objects.filter(event_type="segment.entered").first()
    assert entered is not None
    assert (entered.cause, entered.depth, entered.properties["segmentName"]) == ("", 0, "Gold")


@pytest.mark.usefixtures("_customers")
def test_other_criteria_move_those_whom_they_judge_otherwise() -> None:
    settled_segment()
    Event.objects.all().delete()
    update_segment(
        segment_id="seg_gold", criteria={"field": "customer.event_count", "operator": "lt", "value": 4}, now=clock.now()
    )
    assert members() == NAMES[::2]
    settle("seg_gold")
    assert members() == NAMES[:4]
    assert sorted(moves()) == sorted(
        [("entered", "c01"), ("entered", "c03"), *(("exited", name) for name in NAMES[4::2])]
    )


@pytest.mark.usefixtures("_customers")
def test_another_name_re_evaluates_nothing() -> None:
    settled_segment()
    update_segment(segment_id="seg_gold", name="Golden", criteria=dict(GOLD), now=clock.now())
    segment = Segment.objects.get(pk="seg_gold")
    assert (segment.is_evaluating, segment.version) == (False, 2)


def test_criteria_that_differ_in_true_and_1_alone_are_others() -> None:
    settled_segment(criteria={"field": "customer.notes", "operator": "eq", "value": 1})
    put("ada", notes=True)
    put("bob", notes=1)
    other = {"field": "customer.notes", "operator": "eq", "value": True}
    update_segment(segment_id="seg_gold", criteria=other, now=clock.now())
    settle("seg_gold")
    assert members() == ["ada"]


def test_a_schema_without_records_is_done_at_once() -> None:
    create({})
    settle("seg_gold")
    assert state() == (False, "", 0, 0)
    put("ada")
    assert members() == ["ada"]


@pytest.mark.usefixtures("_customers")
def test_nothing_is_tried_before_the_writers_have_passed() -> None:
    create()
    assert evaluate_chunk("seg_gold", size=10, now=clock.now()) is Step.WRITERS_FIRST
    assert state() == (True, "", 0, 25)
    assert let_writers_pass("seg_gold")
    assert evaluate_chunk("seg_gold", size=10, now=clock.now()) is Step.MORE
    assert state() == (True, "c09", 10, 25)
    update_segment(segment_id="seg_gold", criteria=ACTIVE, now=clock.now())
    assert evaluate_chunk("seg_gold", size=10, now=clock.now()) is Step.WRITERS_FIRST
    assert state() == (True, "", 0, 25)


@pytest.mark.usefixtures("_customers")
def test_writers_that_pass_while_the_criteria_change_again_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    create()

    def change_then_wait(schema_id: str) -> None:
        update_segment(segment_id="seg_gold", criteria=ACTIVE, now=clock.now())

    monkeypatch.setattr(reevaluation, "hold_segments_alone", change_then_wait)
    assert let_writers_pass("seg_gold")
    assert not Segment.objects.get(pk="seg_gold").writers_have_passed


@pytest.mark.usefixtures("_customers")
def test_criteria_that_change_half_way_begin_anew_and_end_right() -> None:
    create()
    let_writers_pass("seg_gold")
    evaluate_chunk("seg_gold", size=10, now=clock.now())
    assert members() == NAMES[:10:2]
    update_segment(segment_id="seg_gold", criteria=ACTIVE, now=clock.now())
    settle("seg_gold", chunk_size=4)
    assert members() == NAMES[3:]
    assert [move for move in moves() if move[1] == "c00"] == [("entered", "c00"), ("exited", "c00")]
    assert [move for move in moves() if move[1] == "c04"] == [("entered", "c04")]


@pytest.mark.usefixtures("_customers")
def test_records_that_change_meanwhile_are_judged_by_the_new_criteria_at_once() -> None:
    create()
    let_writers_pass("seg_gold")
    evaluate_chunk("seg_gold", size=10, now=clock.now())
    put("c20", tier="silver")
    put("c21", tier="gold")
    put("c02", tier="silver")
    put("a", tier="gold")
    put("c99", tier="gold")
    assert "c21" in members()
    settle("seg_gold", chunk_size=3)
    gold = Record.objects.filter(attributes__tier="gold").order_by("customer_id")
    assert members() == list(gold.values_list("customer_id", flat=True))
    assert [move for move in moves() if move[1] in {"c02", "c20", "c21", "a", "c99"}] == [
        ("entered", "c02"),
        ("entered", "c21"),
        ("exited", "c02"),
        ("entered", "a"),
        ("entered", "c99"),
    ]
    # c99 came while it was being counted.
    assert state() == (False, "c99", 26, 25)


@pytest.mark.usefixtures("_customers")
def test_a_worker_that_dies_in_mid_chunk_leaves_all_to_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    create()
    let_writers_pass("seg_gold")
    evaluate_chunk("seg_gold", size=10, now=clock.now())
    before = (members(), moves(), state())
    with monkeypatch.context() as dying:

        def die(*_: Any, **__: Any) -> None:
            raise SystemExit

        # The memberships are written by then.
        dying.setattr(reevaluation, "publish", die)
        with pytest.raises(SystemExit):
            reevaluate("seg_gold", run_seconds=5, chunk_size=10)
    assert (members(), moves(), state()) == before
    settle("seg_gold", chunk_size=10)
    assert members() == NAMES[::2]
    assert moves() == [("entered", name) for name in NAMES[::2]]


@pytest.mark.usefixtures("_customers")
def test_beat_finds_what_nobody_goes_on_with(monkeypatch: pytest.MonkeyPatch) -> None:
    create()
    let_writers_pass("seg_gold")
    evaluate_chunk("seg_gold", size=10, now=clock.now())
    now = Segment.objects.get(pk="seg_gold").progressed_at
    assert stalled(now=now + timedelta(seconds=9)) == []
    assert stalled(now=now + timedelta(seconds=11)) == ["seg_gold"]
    woken: list[str] = []
    monkeypatch.setattr(tasks, "wake", woken.append)
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(seconds=11))
    tasks.resume_reevaluations()
    assert woken == ["seg_gold"]
    monkeypatch.undo()
    tasks.reevaluate_segment(segment_id="seg_gold")
    assert members() == NAMES[::2]
    assert stalled(now=now + timedelta(days=1)) == []


@pytest.mark.usefixtures("_customers")
def test_a_turn_ends_and_the_rest_takes_its_place_at_the_end_of_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    create()
    woken: list[str] = []
    monkeypatch.setattr(tasks, "wake", woken.append)
    monkeypatch.setattr(tasks, "RUN_SECONDS", 0.0)
    tasks.reevaluate_segment(segment_id="seg_gold")
    assert woken == ["seg_gold"]
    monkeypatch.setattr(tasks, "RUN_SECONDS", 10.0)
    tasks.reevaluate_segment(segment_id="seg_gold")
    assert (woken, members()) == (["seg_gold"], NAMES[::2])


def test_a_segment_that_is_gone_is_nobodys_work() -> None:
    assert reevaluate("seg_none", run_seconds=1) is False
    assert let_writers_pass("seg_none")
