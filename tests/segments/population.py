"""Segments with their members, and what was published about them."""

from typing import Any

from kaireon.core import clock
from kaireon.customers.models import Membership, Segment
from kaireon.customers.records import upsert_record
from kaireon.customers.reevaluation import reevaluate
from kaireon.customers.segments import create_segment
from kaireon.events.models import Event

PROFILE = "schema_customer_profile"
GOLD = {"field": "customer.tier", "operator": "eq", "value": "gold"}
ACTIVE = {"field": "customer.event_count", "operator": "gte", "value": 3}
MOVES = ("segment.entered", "segment.exited")


def settle(segment_id: str, *, chunk_size: int = 1000) -> None:
    """Re-evaluates to the end, as the workers do."""
    while Segment.objects.get(pk=segment_id).is_evaluating:
        reevaluate(segment_id, run_seconds=30, chunk_size=chunk_size)


def settled_segment(segment_id: str = "seg_gold", criteria: Any = None, **more: Any) -> Segment:
    """A new segment, its members found."""
    create_segment(
        segment_id=segment_id,
        name=more.pop("name", segment_id.removeprefix("seg_").title()),
        criteria=GOLD if criteria is None else criteria,
        now=clock.now(),
        **more,
    )
    settle(segment_id)
    return Segment.objects.get(pk=segment_id)


def put(customer_id: str, schema_id: str = PROFILE, **attributes: Any) -> None:
    """Creates or replaces a record."""
    upsert_record(schema_id=schema_id, customer_id=customer_id, attributes=attributes, merge=False, now=clock.now())


def members(segment_id: str = "seg_gold") -> list[str]:
    """The customer ids in it, in order."""
    found = Membership.objects.filter(segment_id=segment_id).order_by("customer_id")
    return list(found.values_list("customer_id", flat=True))


def moves(segment_id: str = "seg_gold") -> list[tuple[str, str]]:
    """`entered` or `exited` and who, in the order of publication."""
    return [
        (event.event_type.removeprefix("segment."), event.customer_id or "")
        for event in Event.objects.filter(event_type__in=MOVES).order_by("sequence")
        if event.properties["segmentId"] == segment_id
    ]
