"""Triggers, events, and the engine run in the test's own process on the real PostgreSQL and Redis."""

from collections.abc import Callable
from itertools import count
from typing import Any, Protocol

import pytest

from kaireon.core import clock
from kaireon.customers.field_types import Field
from kaireon.customers.models import Schema
from kaireon.customers.records import upsert_record
from kaireon.customers.schemas import create_schema
from kaireon.events.drain import drain_lanes, waiting_lanes
from kaireon.events.ingestion import ingest
from kaireon.events.models import Event
from triggers.definition import read_definition
from triggers.ledger import whole_ledger
from triggers.lifecycle import create_trigger
from triggers.models import Trigger

FIELDS = (
    Field("tier", "text"),
    Field("event_count", "integer"),
    Field("balance", "decimal"),
    Field("last_event_date", "date"),
    Field("seen_at", "datetime"),
    Field("notes", "json"),
)


def process_all() -> None:
    """Works off whatever waits, as the workers do."""
    while lanes := waiting_lanes():
        drain_lanes(lanes)


class Send(Protocol):
    """Sends one event and has it processed."""

    def __call__(self, event_type: str = ..., customer_id: str | None = ..., **more: Any) -> Event: ...


@pytest.fixture
def schema(db: None) -> Schema:
    """The default schema."""
    return create_schema(schema_id="schema_customer_profile", name="customer_profile", fields=FIELDS, now=clock.now())


@pytest.fixture
def make_customer(schema: Schema) -> Callable[..., None]:
    """Creates or replaces a customer's record; the event that it publishes is processed."""

    def build(customer_id: str, **attributes: Any) -> None:
        upsert_record(schema_id=schema.pk, customer_id=customer_id, attributes=attributes, merge=False, now=clock.now())
        process_all()

    return build


@pytest.fixture
def make_trigger(schema: Schema) -> Callable[..., Trigger]:
    """Creates a trigger by the API's body; without an action it counts the customer's events."""
    numbers = count(1)

    def build(**body: Any) -> Trigger:
        whole = {
            "name": f"Trigger {next(numbers)}",
            "eventType": "purchase",
            "actionType": "update_attribute",
            "actionConfig": {
                "schemaId": schema.pk,
                "updates": [{"field": "event_count", "expression": "event_count + 1"}],
            },
            **body,
        }
        return create_trigger(values=read_definition(whole), now=clock.now())

    return build


@pytest.fixture
def send(db: None) -> Send:
    """Sends one event, processes it, and gives it back with its ledger."""

    def build(event_type: str = "purchase", customer_id: str | None = "cust_78", **more: Any) -> Event:
        body = {"eventType": event_type, "customerId": customer_id, **more}
        (result,) = ingest(body, source="api", now=clock.now())
        process_all()
        return Event.objects.get(event_id=result.event_id)

    return build


def decisions(event: Event) -> dict[str, str]:
    """Each trigger's decision about the event."""
    return {line["triggerId"]: line["decision"] for line in whole_ledger(event)}
