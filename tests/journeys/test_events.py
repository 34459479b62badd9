"""Events and journeys: what enrols, what a completed journey sets off, and loops that are stopped."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.models import Entry
from kaireon.core import clock
from kaireon.customers.models import Record, Schema
from kaireon.events.consumers import MAX_DEPTH, QueuedEvent
from kaireon.events.ingestion import ingest
from kaireon.events.models import Event
from kaireon.journeys.event_door import consume
from kaireon.journeys.models import Enrolment
from kaireon.journeys.resuming import resume_due
from tests.journeys.building import HOUR, change, enrol, line, make_journey, node, one_wait, only
from tests.segments.population import settled_segment
from tests.triggers.fixtures import Send, decisions, process_all
from triggers.models import Firing, Trigger

pytestmark = pytest.mark.django_db

BIG = {"field": "amount", "operator": "gt", "value": 500}
GOLD = {"field": "customer.tier", "operator": "eq", "value": "gold"}


def entered_by(**config: object) -> dict[str, object]:
    return line(node("start", "entry_trigger", **config), node("pause", "wait", delayHours=1), node("end", "exit"))


def test_an_event_of_the_type_enrols_where_the_condition_holds(
    schema: Schema, send: Send, make_customer: Callable[..., None]
) -> None:
    make_customer("ada", tier="gold")
    journey = make_journey(entered_by(eventType="purchase", condition={"all": [BIG, GOLD]}))
    send("purchase", "ada", properties={"amount": 100})
    send("purchase", "bob", properties={"amount": 750})
    send("refund", "ada", properties={"amount": 750})
    send("purchase", None, properties={"amount": 750})
    assert Enrolment.objects.count() == 0
    event = send("purchase", "ada", properties={"amount": 750})
    send("purchase", "ada", properties={"amount": 800})
    enrolment = Enrolment.objects.get()
    assert (enrolment.journey_id, enrolment.customer_id, enrolment.cause) == (journey.pk, "ada", event.event_id)
    assert (enrolment.event["amount"], enrolment.event["type"], enrolment.depth) == (750, "purchase", 0)
    assert enrolment.history[0]["eventId"] == event.event_id
    assert event.decisions == []


@pytest.mark.parametrize("status", ["draft", "paused", "archived"])
def test_only_an_active_journey_is_entered(schema: Schema, send: Send, status: str) -> None:
    make_journey(entered_by(eventType="purchase"), status=status)
    assert send("purchase", "ada").status == "processed"
    assert Enrolment.objects.count() == 0


def test_entering_a_segment_enrols(schema: Schema, make_customer: Callable[..., None]) -> None:
    for name in ("gold", "silver"):
        settled_segment(f"seg_{name}", {"field": "customer.tier", "operator": "eq", "value": name})
    journey = make_journey(entered_by(segmentId="seg_gold", eventType="vip.invited"))
    make_customer("bob", tier="silver")
    assert Enrolment.objects.count() == 0
    make_customer("ada", tier="gold")
    process_all()
    entered = Event.objects.get(event_type="segment.entered", customer_id="ada")
    assert (only().journey_id, only().cause) == (journey.pk, entered.event_id)
    ingest({"eventType": "vip.invited", "customerId": "eve"}, source="api", now=clock.now())
    process_all()
    assert only("eve").event["type"] == "vip.invited"


def test_a_completed_journey_fires_a_trigger(
    schema: Schema, make_customer: Callable[..., None], make_trigger: Callable[..., Trigger]
) -> None:
    make_customer("ada", event_count=0)
    condition = {"all": [{"field": "journeyId", "operator": "eq", "value": "jrn_loan_nurture"}]}
    trigger = make_trigger(eventType="journey.completed", condition=condition)
    journey = make_journey(one_wait())
    now = clock.now()
    enrol(journey, "ada", now=now)
    resume_due(now=now + HOUR)
    process_all()
    event = Event.objects.get(event_type="journey.completed")
    assert decisions(event) == {trigger.pk: "fired"}
    assert (event.cause, event.depth) == (only().pk, 1)
    assert Record.objects.get().attributes["event_count"] == 1


def test_a_journey_and_a_trigger_that_set_each_other_off_are_stopped(
    schema: Schema, make_trigger: Callable[..., Trigger]
) -> None:
    journey = make_journey(line(node("start", "entry_trigger"), node("end", "exit")))
    make_trigger(
        id="trg_again",
        eventType="journey.completed",
        actionType="enroll_journey",
        actionConfig={"journeyId": journey.pk},
    )
    enrol(journey, "ada", now=clock.now())
    process_all()
    depths = list(
        Event.objects.filter(event_type="journey.completed").order_by("sequence").values_list("depth", flat=True)
    )
    assert depths == list(range(1, MAX_DEPTH + 1))
    assert Enrolment.objects.count() == MAX_DEPTH
    assert Firing.objects.count() == MAX_DEPTH - 1
    last = Event.objects.order_by("sequence").last()
    assert last is not None
    assert decisions(last) == {"trg_again": "loop_stopped"}


def test_a_journey_that_enters_itself_is_stopped(schema: Schema) -> None:
    definition = line(node("start", "entry_trigger", eventType="journey.completed"), node("end", "exit"))
    journey = make_journey(definition)
    enrol(journey, "ada", now=clock.now())
    process_all()
    assert Enrolment.objects.count() == MAX_DEPTH
    stopped = Entry.objects.get(action="loop.stopped")
    assert (stopped.facts["journeyId"], stopped.facts["depth"], stopped.customer_id) == (journey.pk, MAX_DEPTH, "ada")


def test_a_wait_that_ends_by_what_the_journey_itself_does_is_stopped(
    schema: Schema, make_customer: Callable[..., None], send: Send
) -> None:
    """It changes the record, which is what it waits for: round and round, without any time passing."""
    make_customer("ada", event_count=0)
    definition = {
        "nodes": [
            node("start", "entry_trigger"),
            node(
                "count",
                "update",
                schemaId=schema.pk,
                updates=[{"field": "event_count", "expression": "event_count + 1"}],
            ),
            node("pause", "wait", delayHours=1, waitForEvent="customer.updated"),
            node("gold", "condition_split", condition=GOLD),
            node("end", "exit"),
        ],
        "edges": [
            {"from": "start", "to": "count"},
            {"from": "count", "to": "pause"},
            {"from": "pause", "to": "gold"},
            {"from": "gold", "to": "end", "when": True},
            {"from": "gold", "to": "count", "when": False},
        ],
    }
    enrol(make_journey(definition), "ada", now=clock.now())
    process_all()
    assert Record.objects.get().attributes["event_count"] == MAX_DEPTH
    assert Entry.objects.filter(action="loop.stopped").count() == 1
    assert (only().status, only().waiting_for) == ("active", "customer.updated")
    # What somebody else does begins a new chain.
    send("customer.updated", "ada")
    assert Record.objects.get().attributes["event_count"] == 2 * MAX_DEPTH


def test_events_that_concern_no_journey_cost_one_query(schema: Schema) -> None:
    journey = make_journey(one_wait(waitForEvent="visit"))
    now = clock.now()
    enrol(journey, "ada", now=now)
    consume([], now=now)
    event = queued("purchase")
    with CaptureQueriesContext(connection) as captured:
        assert consume([event] * 500, now=now) == {}
    assert len(captured) == 1
    change(journey, status="archived")
    consume([], now=now)
    with CaptureQueriesContext(connection) as captured:
        consume([queued("visit")], now=now)
    assert len(captured) == 1


def queued(event_type: str) -> QueuedEvent:
    now = clock.now()
    return QueuedEvent(
        sequence=1,
        event_id="evt_1",
        event_type=event_type,
        customer_id="ada",
        occurred_at=now - timedelta(seconds=1),
        received_at=now,
        properties={},
        cause="",
        depth=0,
        lane=0,
        attempts=0,
        is_retry=False,
    )
