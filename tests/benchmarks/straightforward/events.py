"""Events as the straightforward design stores them and tells of them."""

from datetime import datetime
from typing import Any

from kaireon.core.ids import time_ordered_id
from kaireon.events.lanes import lane_of
from kaireon.events.models import Event


def new_event(
    *, event_type: str, customer_id: str | None, properties: dict[str, Any], occurred_at: datetime, now: datetime
) -> Event:
    """A row that says that it is processed, so that the product's own workers leave it alone."""
    event_id = time_ordered_id("evt_")
    return Event(
        event_id=event_id,
        event_type=event_type,
        customer_id=customer_id,
        occurred_at=occurred_at,
        received_at=now,
        properties=properties,
        source="api",
        lane=lane_of(customer_id=customer_id, event_id=event_id),
        status="processed",
    )


def message_of(event: Event) -> dict[str, Any]:
    """What the task of an event is told."""
    return {
        "event_id": event.event_id,
        "event_type": event.event_type,
        "customer_id": event.customer_id,
        "properties": event.properties,
    }
