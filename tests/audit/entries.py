"""Entries for tests to find again."""

from datetime import UTC, datetime
from typing import Any

from audit.log import NewEntry, record
from audit.models import Entry
from kaireon.core.context import SYSTEM, set_actor, set_request_id

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


def add(**fields: Any) -> Entry:
    """One more entry, by the system; a trigger's firing at noon unless `fields` say otherwise."""
    set_actor(SYSTEM)
    set_request_id("")
    record(NewEntry(**{"action": "trigger.fired", "at": NOON, **fields}))
    return Entry.objects.order_by("-id")[0]


def ids(*entries: Entry) -> list[str]:
    """The ids of `entries` as the API writes them."""
    return [str(entry.pk) for entry in entries]
