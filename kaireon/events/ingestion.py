"""The door for events from outside: one or up to 1000 at once, all valid or nothing stored."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from kaireon.core.clock import parse_moment
from kaireon.core.errors import MAX_DETAILS, Detail, ValidationFailed, join_path
from kaireon.core.ids import CUSTOMER_ID_RULE, is_customer_id
from kaireon.core.json_values import check_json
from kaireon.events.publish import Accepted, NewEvent, publish

MAX_EVENTS = 1000
MAX_PROPERTIES_BYTES = 64 * 1024
MAX_PROPERTIES_DEPTH = 16
EVENT_TYPE_MAX_LENGTH = 100
EVENT_TYPE_RULE = "lower-case words joined by dots such as outcome.recorded, at most 100 characters"
PLATFORM_EVENT_TYPES = (
    "outcome.recorded",
    "customer.created",
    "customer.updated",
    "segment.entered",
    "segment.exited",
    "journey.completed",
    "offer.expired",
    "budget.exhausted",
)

EVENT_ID = re.compile(r"[A-Za-z0-9._:@-]{1,128}\Z")
EVENT_TYPE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*\Z")
_KEYS = frozenset({"eventId", "eventType", "customerId", "timestamp", "properties"})


def is_event_type(text: str) -> bool:
    """Whether `text` is a dotted name: one of the platform's types, or the user's own."""
    return len(text) <= EVENT_TYPE_MAX_LENGTH and EVENT_TYPE.match(text) is not None


def is_event_id(text: str) -> bool:
    """Whether `text` can be an event's id."""
    return EVENT_ID.match(text) is not None


def ingest(body: object, *, source: str, now: datetime) -> list[Accepted]:
    """Stores the event, or the events, in `body`, and answers for each in order.

    Raises ValidationFailed, with paths such as `[3].eventType`, and stores nothing then.
    """
    events = _read_body(body, source=source)
    return publish(events, now=now)


def _read_body(body: object, *, source: str) -> list[NewEvent]:
    if not isinstance(body, list):
        return [read_event(body, path="", source=source)]
    if not 1 <= len(body) <= MAX_EVENTS:
        raise ValidationFailed.at("", f"Send 1 to {MAX_EVENTS} events at once, not {len(body)}.")
    events: list[NewEvent] = []
    problems: list[Detail] = []
    for index, raw in enumerate(body):
        try:
            events.append(read_event(raw, path=f"[{index}]", source=source))
        except ValidationFailed as error:
            problems.extend(error.details)
            if len(problems) > MAX_DETAILS:
                break
    if problems:
        raise ValidationFailed.of(problems)
    return events


def _unknown(raw: Mapping[str, Any]) -> Iterable[str]:
    if raw.keys() <= _KEYS:
        return ()
    return islice((key for key in raw if key not in _KEYS), MAX_DETAILS + 1)


def read_event(raw: object, *, path: str, source: str) -> NewEvent:
    """The event in `raw`, checked by the contract's rules. Raises ValidationFailed with every problem below `path`."""
    if not isinstance(raw, Mapping):
        raise ValidationFailed.at(path, "An event must be an object with eventType, and may have customerId and more.")
    problems: list[Detail] = []

    def refuse(field: str, message: str) -> None:
        problems.append(Detail(join_path(path, field), message))

    for key in _unknown(raw):
        refuse(key, f"is not a known field; known are {', '.join(sorted(_KEYS))}. Your own data go into properties.")

    event_type = raw.get("eventType")
    if not isinstance(event_type, str) or not is_event_type(event_type):
        refuse("eventType", f"must be {EVENT_TYPE_RULE}.")

    event_id = raw.get("eventId")
    if event_id is not None and not (isinstance(event_id, str) and is_event_id(event_id)):
        refuse("eventId", "must be 1 to 128 letters, digits and ._:@-")

    customer_id = raw.get("customerId")
    if customer_id is not None and not (isinstance(customer_id, str) and is_customer_id(customer_id)):
        refuse("customerId", f"must be {CUSTOMER_ID_RULE}.")

    occurred_at = None
    timestamp = raw.get("timestamp")
    if timestamp is not None:
        occurred_at = parse_moment(timestamp) if isinstance(timestamp, str) else None
        if occurred_at is None:
            refuse("timestamp", "must be ISO 8601 with an offset, such as 2026-03-10T14:30:00Z.")

    properties: Any = raw.get("properties")
    if properties is None:
        properties = {}
    elif not isinstance(properties, dict):
        refuse("properties", "must be an object.")
    else:
        try:
            check_json(
                properties,
                path=join_path(path, "properties"),
                max_bytes=MAX_PROPERTIES_BYTES,
                max_depth=MAX_PROPERTIES_DEPTH,
            )
        except ValidationFailed as error:
            problems.extend(error.details)

    if problems:
        raise ValidationFailed.of(problems)
    return NewEvent(
        event_type=str(event_type),
        customer_id=customer_id,
        properties=properties,
        source=source,
        event_id=event_id,
        occurred_at=occurred_at,
    )
