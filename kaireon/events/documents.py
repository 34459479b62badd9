"""What conditions and templates read of an event."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from kaireon.core.clock import iso
from kaireon.events.consumers import QueuedEvent
from kaireon.events.models import Event
from kaireon.events.publish import NewEvent


def condition_document(event: QueuedEvent | Event) -> dict[str, Any]:
    """The event's properties with the event's own four facts laid over them."""
    return {
        **event.properties,
        "eventType": event.event_type,
        "eventId": event.event_id,
        "customerId": event.customer_id,
        "timestamp": iso(event.occurred_at),
    }


def with_customer(document: Mapping[str, Any], attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    """The document with the customer's record as `customer`."""
    return {**document, "customer": attributes}


def template_document(document: Mapping[str, Any]) -> dict[str, Any]:
    """What templates call `event`: the same, with the type as `type`."""
    return {**document, "type": document["eventType"]}


def sent_document(event: NewEvent, *, now: datetime) -> dict[str, Any]:
    """What templates call `event`, of an event that is only tried out and never stored."""
    return template_document(
        {
            **event.properties,
            "eventType": event.event_type,
            "eventId": event.event_id,
            "customerId": event.customer_id,
            "timestamp": iso(event.occurred_at or now),
        }
    )
