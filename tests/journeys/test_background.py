"""The beat task: batches, crashes between them, several workers, and an enrolment that breaks."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction

from kaireon.core import clock
from kaireon.events.models import Event
from kaireon.journeys import enrolling, resuming, rows
from kaireon.journeys.advance import advance
from kaireon.journeys.models import Enrolment
from kaireon.journeys.nodes.condition_split import ConditionSplit
from kaireon.journeys.nodes.exit import Exit
from kaireon.journeys.resuming import resume_due
from kaireon.journeys.rows import BATCH_SIZE, take_due
from kaireon.journeys.tasks import resume_due_enrolments
from tests.customers.together import in_background, run_together
from tests.journeys.building import HOUR, enrol, make_journey, node, one_wait, only
from tests.triggers.fixtures import Send


def crowd(count: int) -> tuple[str, ...]:
    return tuple(f"c{number:04}" for number in range(count))


def completions() -> dict[str, int]:
    found: dict[str, int] = {}
    for customer_id in Event.objects.filter(event_type="journey.completed").values_list("customer_id", flat=True):
        found[str(customer_id)] = found.get(str(customer_id), 0) + 1
    return found


@pytest.mark.django_db(transaction=True)
def test_a_crash_between_batches_loses_nothing_and_repeats_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second batch dies after all its work and before its commit; another worker takes it up."""
    journey = make_journey(one_wait())
    now = clock.now()
    people = crowd(BATCH_SIZE * 2 + 100)
    enrol(journey, *people[:1000], now=now)
    enrol(journey, *people[1000:], now=now)
    batches = 0

    def dying(*arguments: Any, **more: Any) -> None:
        nonlocal batches
        batches += 1
        advance(*arguments, **more)
        if batches == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(resuming, "advance", dying)
    with pytest.raises(KeyboardInterrupt):
        resume_due(now=now + HOUR)
    assert Enrolment.objects.filter(status="completed").count() == BATCH_SIZE
    assert len(completions()) == BATCH_SIZE
    monkeypatch.setattr(resuming, "advance", advance)
    assert resume_due(now=now + HOUR) is False
    assert Enrolment.objects.filter(status="completed").count() == len(people)
    assert completions() == dict.fromkeys(people, 1)


@pytest.mark.django_db(transaction=True)
def test_four_workers_share_what_is_due_and_nobody_is_moved_twice() -> None:
    journey = make_journey(one_wait())
    now = clock.now()
    people = crowd(2000)
    enrol(journey, *people[:1000], now=now)
    enrol(journey, *people[1000:], now=now)
    run_together([partial(resume_due, now=now + HOUR)] * 4)
    assert completions() == dict.fromkeys(people, 1)
    assert set(Enrolment.objects.values_list("steps", flat=True)) == {3}


@pytest.mark.django_db(transaction=True)
def test_what_another_worker_has_is_left_to_it() -> None:
    journey = make_journey(one_wait())
    now = clock.now()
    enrol(journey, "ada", "bob", now=now)
    Enrolment.objects.filter(customer_id="bob").update(resume_at=now + HOUR / 2)
    with transaction.atomic():
        (bob,) = take_due(journey_id=journey.pk, now=now + HOUR, limit=1)
        assert bob.customer_id == "bob"
        in_background(partial(resume_due, now=now + HOUR)).result(20)
        assert (only("ada").status, only("bob").status) == ("completed", "active")


@pytest.mark.django_db(transaction=True)
def test_an_event_and_the_end_of_its_time_move_an_enrolment_once(schema: object, send: Send) -> None:
    """The event waits for the worker that has the enrolment, and then finds it gone."""
    journey = make_journey(one_wait(waitForEvent="visit"))
    now = clock.now()
    people = crowd(40)
    enrol(journey, *people, now=now)

    def events() -> bool:
        for customer_id in people:
            send("visit", customer_id)
        return True

    both: list[Callable[[], bool]] = [events, partial(resume_due, now=now + HOUR)]
    run_together(both)
    assert completions() == dict.fromkeys(people, 1)
    assert {len(history) for history in Enrolment.objects.values_list("history", flat=True)} == {4}


@pytest.mark.django_db
def test_an_enrolment_that_breaks_is_ended_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    journey = make_journey(one_wait())
    now = clock.now()
    enrol(journey, "ada", "bad", "eve", now=now)
    run = Exit.run

    def breaking(self: Exit, steps: Sequence[Any], scope: Any) -> list[bool | None]:
        if any(step.traveller.customer_id == "bad" for step in steps):
            raise ZeroDivisionError("private words")
        return run(self, steps, scope)

    monkeypatch.setattr(Exit, "run", breaking)
    resume_due(now=now + HOUR)
    assert [only(one).status for one in ("ada", "bad", "eve")] == ["completed", "exited", "completed"]
    assert only("bad").reason == "failed: the journey broke with ZeroDivisionError; the worker's log has the details"
    assert completions() == {"ada": 1, "bad": 1, "eve": 1}
    assert "An enrolment broke and is ended" in caplog.text


@pytest.mark.django_db
def test_an_event_is_not_held_up_by_an_enrolment_that_breaks(
    monkeypatch: pytest.MonkeyPatch, schema: object, send: Send
) -> None:
    definition = {
        **one_wait(waitForEvent="visit"),
        "nodes": [
            node("start", "entry_trigger", eventType="signup"),
            node("pause", "wait", delayHours=1, waitForEvent="visit"),
            node("end", "exit"),
        ],
    }
    make_journey(definition)
    run = Exit.run

    def breaking(self: Exit, steps: Sequence[Any], scope: Any) -> list[bool | None]:
        raise ZeroDivisionError

    assert send("signup", "ada").status == "processed"
    monkeypatch.setattr(Exit, "run", breaking)
    event = send("visit", "ada")
    assert (event.status, event.error) == ("processed", "")
    waiting = only("ada")
    assert (waiting.status, waiting.current_node, waiting.resumed_by) == ("active", "pause", event.event_id)
    monkeypatch.setattr(Exit, "run", run)
    resume_due_enrolments()
    assert (only("ada").status, only("ada").history[2]["result"]) == ("completed", "event")


@pytest.mark.django_db
def test_enrolling_is_not_undone_by_a_node_that_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    definition = {
        "nodes": [
            node("start", "entry_trigger"),
            node("gold", "condition_split", condition={"field": "customer.tier", "operator": "exists"}),
            node("end", "exit"),
        ],
        "edges": [
            {"from": "start", "to": "gold"},
            {"from": "gold", "to": "end", "when": True},
            {"from": "gold", "to": "end", "when": False},
        ],
    }
    journey = make_journey(definition)
    run = ConditionSplit.run

    def breaking(self: ConditionSplit, steps: Sequence[Any], scope: Any) -> list[bool | None]:
        raise ZeroDivisionError

    monkeypatch.setattr(ConditionSplit, "run", breaking)
    now = clock.now()
    done = enrol(journey, "ada", now=now)
    assert (done.enrolled_count, only().status, only().current_node, only().resume_at) == (1, "active", "start", now)
    monkeypatch.setattr(ConditionSplit, "run", run)
    resume_due(now=now)
    assert (only().status, [one["result"] for one in only().history]) == (
        "completed",
        ["enrolled", "false", "completed"],
    )


@pytest.mark.django_db
def test_a_long_queue_is_left_after_a_while_and_said_so() -> None:
    journey = make_journey(one_wait())
    now = clock.now()
    people = crowd(BATCH_SIZE + 1)
    enrol(journey, *people, now=now)
    assert resume_due(now=now + HOUR, run_seconds=0.0) is True
    assert Enrolment.objects.filter(status="completed").count() == BATCH_SIZE
    assert resume_due(now=now + HOUR, run_seconds=60.0) is False


@pytest.mark.django_db
def test_rows_are_found_by_their_indexes_among_many() -> None:
    journey = make_journey(one_wait(waitForEvent="visit"))
    people = crowd(3000)
    now = clock.now()
    for start in range(0, len(people), 1000):
        enrol(journey, *people[start : start + 1000], now=now)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE journeys_enrolment")

    def plan(statement: str, *parameters: Any) -> str:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {statement}", parameters)
            return "\n".join(row[0] for row in cursor.fetchall())

    plans = [
        plan(rows._TAKE_WAITING, ["c0001", "c0002"], ["visit", "purchase"]),
        plan(rows._TAKE_DUE, journey.pk, now - HOUR, 500),
        plan(resuming._DUE_JOURNEYS, now - HOUR),
        plan(resuming._ABANDONED_JOURNEYS),
        plan(enrolling._HOLD_ACTIVE, [journey.pk], ["c0001"]),
    ]
    assert [text for text in plans if "Seq Scan on journeys_enrolment" in text] == []
