"""Tallies: as many as the ledgers say, whatever happened on the way, and no worker waits for another one."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from psycopg import Cursor

from kaireon.core import clock
from kaireon.events import consumers
from kaireon.events.consumers import Decision, QueuedEvent
from kaireon.events.drain import MAX_ATTEMPTS
from kaireon.events.ingestion import ingest
from kaireon.events.models import Event
from kaireon.events.replay import replay
from tests.journeys.building import make_journey, one_wait
from tests.triggers.fixtures import process_all
from triggers.engine import tally
from triggers.engine.tally import add_to_tallies
from triggers.ledger import whole_ledgers
from triggers.models import TALLIED, Asked, Firing, Listener, Tally, Trigger
from triggers.tallies import HOUR, NOTHING, Counts, first_of_24_hours, last_24_hours, series, total

MakeTrigger = Callable[..., Trigger]

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
DAY_MS = 86_400_000


def counted() -> Counter[tuple[str, str]]:
    """What the tallies say, by trigger and end."""
    trigger_ids = sorted(set(Listener.objects.values_list("trigger_id", flat=True)))
    sums = {trigger_id: total(hours) for trigger_id, hours in last_24_hours(trigger_ids, now=clock.now()).items()}
    return Counter(
        {(trigger_id, end): count for trigger_id, one in sums.items() for end, count in asdict(one).items() if count}
    )


def ledgers() -> Counter[tuple[str, str]]:
    """The same, from every line of every event and the firings that the lines name."""
    outcomes: dict[str | None, str] = dict(Firing.objects.values_list("id", "outcome"))
    found: Counter[tuple[str, str]] = Counter()
    for lines in whole_ledgers(list(Event.objects.all())).values():
        found.update((line["triggerId"], outcomes.get(line.get("firingId")) or line["decision"]) for line in lines)
    return found


def breaks_on_demand(events: Sequence[QueuedEvent], *, now: datetime) -> Mapping[int, list[Decision]]:
    """Comes behind the engine, so what an event that breaks here was counted for has to be taken back."""
    if any(event.properties.get("break") for event in events):
        raise ValueError("no good")
    return {}


def listens(trigger_id: str, *, since: int, until: int | None = None) -> None:
    """A trigger that listens to purchases from one state of the catalogue until before another."""
    Listener.objects.create(
        trigger_id=trigger_id,
        version=1,
        event_type="purchase",
        priority=50,
        condition={},
        since=since,
        until=until,
        ended_at=None if until is None else NOON,
    )


def send(number: int, customer_id: str | None, **properties: Any) -> None:
    """A purchase that waits."""
    body = {
        "eventId": f"e{number}", "eventType": "purchase", "customerId": customer_id, "properties": properties,
    }  # fmt: skip
    ingest(body, source="api", now=clock.now())


def test_they_equal_the_ledgers_after_every_decision_every_outcome_retries_and_a_replay(
    make_trigger: MakeTrigger, make_customer: Callable[..., None], schema: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        make_customer(f"cust_{number}", event_count=0)
    make_journey(one_wait())
    over_5 = {"field": "amount", "operator": "gt", "value": 5}
    make_trigger(id="trg_counts", condition=over_5, priority=90)
    make_trigger(id="trg_cooling", condition=over_5, cooldownMs=DAY_MS)
    make_trigger(id="trg_calls", actionType="webhook", actionConfig={"url": "https://example.com/", "method": "POST"})
    make_trigger(id="trg_enrols", actionType="enroll_journey", actionConfig={"journeyId": "jrn_loan_nurture"})
    # Each update sets it off again, until it is stopped.
    make_trigger(id="trg_loops", eventType="customer.updated", condition={"field": "eventId", "operator": "exists"})
    monkeypatch.setitem(consumers._consumers, "breaks", breaks_on_demand)

    for number in range(40):
        customer_id = None if number % 10 == 9 else "cust_nobody" if number % 10 == 8 else f"cust_{number % 6}"
        send(number, customer_id, amount=number % 13)
    send(100, "cust_1", amount=8, **{"break": True})
    send(101, "cust_1", amount=8)
    process_all()
    for _ in range(MAX_ATTEMPTS):
        Event.objects.filter(status="pending").update(next_attempt_at=clock.now() - timedelta(seconds=1))
        process_all()
    broken = Event.objects.get(event_id="e100")
    assert (broken.status, broken.decisions) == ("failed", [])
    assert counted() == ledgers()

    broken.properties = {"amount": 8}
    broken.save(update_fields=["properties"])
    replay(event=broken)
    process_all()
    assert Event.objects.get(event_id="e100").status == "processed"

    assert counted() == ledgers()
    ends = {name for _, name in counted()}
    assert ends == {*TALLIED, "condition_false"}
    assert counted()["trg_counts", "condition_false"] == sum(number % 13 <= 5 for number in range(40))


def test_a_firing_of_an_earlier_try_is_not_counted_again(make_trigger: MakeTrigger, make_customer: Any) -> None:
    make_customer("cust_78")
    make_trigger(id="trg_counts")
    send(1, "cust_78")
    process_all()
    Event.objects.filter(event_id="e1").update(status="failed", error="somebody set it so by hand")
    replay(event=Event.objects.get(event_id="e1"))
    process_all()
    assert counted() == {("trg_counts", "succeeded"): 1} == ledgers()


def test_a_batch_is_counted_in_one_statement(
    make_trigger: MakeTrigger, make_customer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    executed: list[Any] = []

    class Noting(Cursor[Any]):
        def execute(self, query: Any, *args: Any, **kwargs: Any) -> "Noting":
            executed.append(query)
            return super().execute(query, *args, **kwargs)

    monkeypatch.setattr(tally, "Cursor", Noting)
    make_customer("cust_78")
    for _ in range(5):
        make_trigger()
    for number in range(20):
        send(number, "cust_78")
    process_all()
    (statement,) = executed  # the updates that follow have no trigger
    assert "INSERT INTO triggers_tally" in statement
    assert sum(counted().values()) == 100


def test_what_nobody_listens_to_leaves_no_tally(make_trigger: MakeTrigger, make_customer: Any) -> None:
    make_customer("cust_78")
    make_trigger(eventType="refund")
    send(1, "cust_78")
    process_all()
    assert not Tally.objects.exists()
    assert not Asked.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_lanes_count_the_same_trigger_in_the_same_hour_without_waiting() -> None:
    done = threading.Event()

    def other_lane() -> None:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '2s'")
                add_to_tallies({("trg_t", "succeeded"): 2}, {}, state=1, lane=2, now=NOON)
            done.set()
        finally:
            connection.close()

    with transaction.atomic():
        add_to_tallies({("trg_t", "succeeded"): 1}, {}, state=1, lane=1, now=NOON)
        worker = threading.Thread(target=other_lane)
        worker.start()
        worker.join()
        assert done.is_set()
    assert series("trg_t", since=NOON, until=NOON + HOUR, step=HOUR) == [(NOON, Counts(succeeded=3))]


@pytest.mark.django_db
def test_24_hours_end_with_the_running_one_and_add_up_the_lanes() -> None:
    now = NOON + timedelta(minutes=59)
    for hours_ago, lane, counts in (
        (24, 0, {("trg_a", "succeeded"): 100}),
        (23, 0, {("trg_a", "failed"): 1}),
        (1, 3, {("trg_a", "queued"): 2, ("trg_b", "cooldown"): 5}),
        (1, 4, {("trg_a", "queued"): 3}),
        (-1, 0, {("trg_a", "succeeded"): 7}),
    ):
        add_to_tallies(counts, {}, state=1, lane=lane, now=now - timedelta(hours=hours_ago))
    listens("trg_a", since=3, until=5)
    listens("trg_a", since=5)
    for state, lane, events in ((2, 0, 100), (3, 0, 4), (4, 1, 2), (5, 0, 1), (5, 0, 2)):
        add_to_tallies({}, {"purchase": events, "refund": 1000}, state=state, lane=lane, now=now)
    found = last_24_hours(["trg_a", "trg_b", "trg_c"], now=now)
    assert found["trg_a"][0] == Counts(failed=1)
    assert found["trg_a"][22] == Counts(queued=5)
    assert found["trg_a"][23] == Counts(condition_false=9)
    assert total(found["trg_a"]) == Counts(failed=1, queued=5, condition_false=9)
    assert total(found["trg_b"]) == Counts(cooldown=5)
    assert list(found["trg_c"]) == [NOTHING] * 24
    assert first_of_24_hours(now) == NOON - timedelta(hours=23)


@pytest.mark.django_db
def test_a_series_has_every_step_also_those_in_which_nothing_happened() -> None:
    for day, counts in ((1, {"succeeded": 1}), (1, {"failed": 2}), (3, {"loop_stopped": 4}), (4, {"succeeded": 9})):
        moment = datetime(2026, 5, day, 23, 30, tzinfo=UTC)
        add_to_tallies({("trg_a", name): number for name, number in counts.items()}, {}, state=1, lane=day, now=moment)
    since, until = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 5, 4, tzinfo=UTC)
    listens("trg_a", since=1)
    add_to_tallies({}, {"purchase": 10}, state=1, lane=0, now=since + HOUR)
    add_to_tallies({}, {"purchase": 5}, state=1, lane=0, now=until)
    assert series("trg_a", since=since, until=until, step=timedelta(days=1)) == [
        (since, Counts(succeeded=1, failed=2, condition_false=7)),
        (since + timedelta(days=1), NOTHING),
        (since + timedelta(days=2), Counts(loop_stopped=4)),
    ]


def test_what_counts_add_up_to() -> None:
    counts = Counts(
        succeeded=5, queued=2, skipped=1, failed=2, condition_false=30, cooldown=4, missing_customer=3, loop_stopped=1
    )
    assert (counts.fired, counts.suppressed, counts.held, counts.matched) == (10, 8, 18, 48)
    assert counts.success_rate == 0.8
    assert NOTHING.success_rate is None
