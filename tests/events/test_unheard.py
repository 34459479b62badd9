"""Events that nobody listens to: what the platform publishes of them is stored as processed, and nobody is woken."""

from collections.abc import Callable
from typing import Any

from django.db import transaction

from kaireon.core import clock
from kaireon.customers.models import Schema
from kaireon.customers.records import upsert_rows
from kaireon.events import consumers
from kaireon.events.drain import waiting_lanes
from kaireon.events.ingestion import ingest
from kaireon.events.models import Event
from kaireon.events.publish import NewEvent, publish
from tests.journeys.building import line, make_journey, node
from tests.triggers.fixtures import decisions, process_all
from triggers.lifecycle import update_trigger
from triggers.models import Trigger

MakeTrigger = Callable[..., Trigger]


def upsert(schema: Schema, **attributes: Any) -> Event:
    """Changes the record of one customer, and gives the event that tells of it."""
    upsert_rows(schema_id=schema.pk, rows=[{"customerId": "cust_78", **attributes}], now=clock.now())
    return Event.objects.latest("sequence")


def test_what_nobody_listens_to_is_processed_at_once(schema: Schema) -> None:
    event = upsert(schema, tier="gold")
    assert (event.event_type, event.status, event.decisions) == ("customer.created", "processed", [])
    assert event.processed_at == event.received_at
    assert waiting_lanes() == []


def test_what_an_active_trigger_listens_to_waits_for_a_worker(schema: Schema, make_trigger: MakeTrigger) -> None:
    trigger = make_trigger(eventType="customer.updated")
    assert upsert(schema, tier="gold").status == "processed"  # created
    event = upsert(schema, tier="silver")
    assert event.status == "pending"
    process_all()
    event.refresh_from_db()
    assert decisions(event) == {trigger.pk: "fired"}
    update_trigger(trigger_id=trigger.pk, values={"status": "paused"}, now=clock.now())
    assert upsert(schema, tier="gold").status == "processed"


def test_what_a_journey_begins_with_waits_for_a_worker(schema: Schema) -> None:
    make_journey(line(node("start", "entry_trigger", eventType="customer.created"), node("end", "exit")))
    assert upsert(schema, tier="gold").status == "pending"


def test_what_comes_from_outside_waits_for_a_worker(db: None) -> None:
    ingest({"eventType": "unheard.of", "customerId": "cust_78"}, source="api", now=clock.now())
    assert Event.objects.get().status == "pending"


def test_both_kinds_in_one_call(schema: Schema, make_trigger: MakeTrigger) -> None:
    make_trigger(eventType="heard")
    events = [
        NewEvent(event_type=event_type, customer_id="cust_78", properties={}, source="api", event_id=f"e{number}")
        for number, event_type in enumerate(("heard", "unheard", "heard"))
    ]
    with transaction.atomic():
        publish(events, now=clock.now(), settle_unheard=True)
    assert list(Event.objects.order_by("sequence").values_list("event_id", "status")) == [
        ("e0", "pending"),
        ("e1", "processed"),
        ("e2", "pending"),
    ]


def test_a_consumer_that_does_not_say_what_it_hears_hears_everything(schema: Schema, monkeypatch: Any) -> None:
    monkeypatch.setitem(consumers._consumers, "everything", lambda events, *, now: {})
    assert upsert(schema, tier="gold").status == "pending"
