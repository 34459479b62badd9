"""The event that a trigger is tried out with: a recent one of its type, or one that was typed."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from kaireon import conditions
from kaireon.core.clock import iso
from kaireon.core.errors import ValidationFailed
from kaireon.events.ingestion import is_event_type, read_event
from kaireon.events.models import Event
from kaireon.events.publish import NewEvent
from kaireon.studio.wording import ago
from triggers.engine.dry_run import meeting
from triggers.studio.event_types import example_of

MOST_SAMPLES = 10
MOST_SEARCHED = 200
EVENT_ID = "evt_test"
"""Of a tried event that brings no id of its own. The same each time, so that what is rendered with it keeps still."""


def recent_events(event_type: str) -> list[Event]:
    """The newest events of that type, at most ten."""
    if not is_event_type(event_type):
        return []
    return list(Event.objects.filter(event_type=event_type).order_by("-sequence")[:MOST_SAMPLES])


def newest_that_meets(condition: conditions.Condition, event_type: str, *, now: datetime) -> NewEvent | None:
    """Of the newest 200 events of that type the newest that meets `condition`; None where none does."""
    if not is_event_type(event_type):
        return None
    rows = Event.objects.filter(event_type=event_type).order_by("-sequence")[:MOST_SEARCHED]
    return meeting(condition, [_as_new(event) for event in rows], now=now)


def event_choices(recent: Sequence[Event], *, now: datetime) -> list[tuple[str, str]]:
    """The ids of events, and how they stand in a list to choose from."""
    return [
        (event.event_id, f"{event.customer_id or 'No customer'}, {ago(event.received_at, now=now)}, {event.event_id}")
        for event in recent
    ]


def first_text(event_type: str, recent: Sequence[Event]) -> str:
    """What there is to try out at first: the newest event, or an example where there is none."""
    return written(as_sent(recent[0]) if recent else example_of(event_type if is_event_type(event_type) else ""))


def as_sent(event: Event | NewEvent) -> dict[str, Any]:
    """The event as it could be sent again. Without its id: a trigger that has fired for it would know it again."""
    customer = {} if event.customer_id is None else {"customerId": event.customer_id}
    moment = {} if event.occurred_at is None else {"timestamp": iso(event.occurred_at)}
    return {"eventType": event.event_type, **customer, **moment, "properties": event.properties}


def written(event: Mapping[str, Any]) -> str:
    """As text to be changed."""
    return json.dumps(event, indent=2, ensure_ascii=False)


def read_sample(value: Any, *, event_type: str) -> NewEvent:
    """The event in `value`, of the trigger's type where it names none. Raises ValidationFailed."""
    if isinstance(value, Mapping):
        given = {key: part for key, part in value.items() if not (key == "eventType" and part in ("", None))}
        value = {"eventType": event_type, "eventId": EVENT_ID, **given}
    try:
        return read_event(value, path="", source="test")
    except ValidationFailed as error:
        raise error.under("event") from None


def _as_new(event: Event) -> NewEvent:
    return NewEvent(
        event_type=event.event_type,
        customer_id=event.customer_id,
        properties=event.properties,
        source=event.source,
        event_id=event.event_id,
        occurred_at=event.occurred_at,
    )
