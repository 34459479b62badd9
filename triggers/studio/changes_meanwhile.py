"""Who changed a trigger while somebody was filling in its form, and what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit.models import Entry

_MOST_SHOWN = 10
_ACTIONS = ("trigger.updated", "trigger.status_changed")
_LABELS = {
    "name": "Name",
    "description": "Description",
    "eventType": "Event type",
    "condition": "Condition",
    "actionType": "Action",
    "actionConfig": "Action's fields",
    "priority": "Priority",
    "cooldownMs": "Cooldown, in milliseconds",
    "status": "Status",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One field before and after."""

    label: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Change:
    """One save of somebody else's."""

    actor: str
    at: datetime
    differences: Sequence[Difference]


def changes_since(trigger_id: str, version: int) -> list[Change]:
    """The latest changes after that version, the newest first; at most ten."""
    found: list[Change] = []
    for action in _ACTIONS:
        entries = Entry.objects.filter(action=action, trigger_id=trigger_id, facts__version__gt=version)
        found += [_change(entry) for entry in entries.order_by("-id")[:_MOST_SHOWN]]
    return sorted(found, key=lambda change: change.at, reverse=True)[:_MOST_SHOWN]


def _change(entry: Entry) -> Change:
    changed: Mapping[str, Any] = entry.facts.get("changes", {})
    return Change(
        actor=actor_in_words(entry.actor),
        at=entry.at,
        differences=[
            Difference(_LABELS.get(name, name), change.get("before"), change.get("after"))
            for name, change in changed.items()
        ],
    )


def actor_in_words(actor: str) -> str:
    """`user:ada` as `ada`, a key by its name."""
    kind, _, name = actor.partition(":")
    if kind == "user":
        return name
    if kind == "key":
        key_id, _, called = name.partition(" ")
        return f"The API key {called.strip('()') or key_id}"
    return "The system"
