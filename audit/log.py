"""Writing to the audit log: call `record` inside the transaction that makes the change."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct, field

from audit.models import Entry
from kaireon.core import clock
from kaireon.core.context import current_actor, current_request_id
from kaireon.core.copy_rows import copy_rows


class NewEntry(Struct, frozen=True, kw_only=True):
    """What happened. `at`, the actor and the request are filled in from the context where not given."""

    action: str
    subject: str = ""
    trigger_id: str = ""
    customer_id: str = ""
    event_type: str = ""
    event_id: str = ""
    action_taken: str = ""
    outcome: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    at: datetime | None = None


_COLUMNS = (
    "at",
    "action",
    "actor",
    "subject",
    "trigger_id",
    "customer_id",
    "event_type",
    "event_id",
    "action_taken",
    "outcome",
    "facts",
    "request_id",
)


def record(*entries: NewEntry) -> None:
    """Appends `entries` in one statement. The caller's transaction decides whether they stay."""
    if not entries:
        return
    now, actor, request_id = clock.now(), current_actor(), current_request_id()
    copy_rows(
        Entry,
        _COLUMNS,
        [
            (
                entry.at or now,
                entry.action,
                actor,
                entry.subject,
                entry.trigger_id,
                entry.customer_id,
                entry.event_type,
                entry.event_id,
                entry.action_taken,
                entry.outcome,
                entry.facts,
                request_id,
            )
            for entry in entries
        ],
    )


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of an update: `{field: {"before": …, "after": …}}` for each field that differs."""
    keys: Sequence[str] = sorted({*before, *after})
    return {
        key: {"before": before.get(key), "after": after.get(key)} for key in keys if before.get(key) != after.get(key)
    }
