"""An entry as the API, the exports and the admin's downloads show it."""

from typing import Any

from audit.models import Entry
from kaireon.core.clock import iso

KEYS = (
    "id",
    "at",
    "action",
    "actor",
    "subject",
    "triggerId",
    "customerId",
    "eventType",
    "eventId",
    "actionTaken",
    "outcome",
    "facts",
    "requestId",
)


def as_json(entry: Entry) -> dict[str, Any]:
    """All of `entry`, in the order of `KEYS`; what it has nothing to say about is null."""
    return {
        "id": str(entry.pk),
        "at": iso(entry.at),
        "action": entry.action,
        "actor": entry.actor,
        "subject": entry.subject or None,
        "triggerId": entry.trigger_id or None,
        "customerId": entry.customer_id or None,
        "eventType": entry.event_type or None,
        "eventId": entry.event_id or None,
        "actionTaken": entry.action_taken or None,
        "outcome": entry.outcome or None,
        "facts": entry.facts,
        "requestId": entry.request_id or None,
    }
