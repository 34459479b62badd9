"""Offers, and outcomes of them, made by the functions that the API uses."""

from datetime import UTC, datetime
from typing import Any

from kaireon.core import clock
from kaireon.core.ids import time_ordered_id
from kaireon.decisioning.models import Interaction, Offer
from kaireon.decisioning.offer_lifecycle import create_offer
from kaireon.decisioning.outcomes import Response, respond
from kaireon.events.models import Event

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def make_offer(offer_id: str = "off_card", **values: Any) -> Offer:
    """An active offer without an end and a budget, unless `values` say otherwise."""
    return create_offer(values={"id": offer_id, "name": "Gold card", **values}, now=LONG_AGO)


def record_outcome(
    outcome: str = "impression", *, key: str | None = None, customer_id: str = "cust_78", **more: Any
) -> Interaction:
    """One outcome, under a key of its own unless one is given."""
    response = Response(customer_id=customer_id, outcome=outcome, **more)
    return respond(response, idempotency_key=key or time_ordered_id("key_"), now=clock.now()).interaction


def told(event_type: str) -> list[dict[str, Any]]:
    """The properties of the events of that type, in the order of publication."""
    return [event.properties for event in Event.objects.filter(event_type=event_type).order_by("sequence")]
