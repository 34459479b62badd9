"""A trigger, or what is still known of one that was deleted."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit.models import Entry
from kaireon.core.errors import NotFound
from triggers.definition import JSON_NAMES
from triggers.lifecycle import find_trigger
from triggers.models import Firing, Trigger

_NAMES = {json_name: name for name, json_name in JSON_NAMES.items()}


@dataclass(frozen=True, slots=True)
class Remembered:
    """`trigger` is not a stored row where `deleted` says who deleted it, and when."""

    trigger: Trigger
    deleted: Entry | None = None
    is_deleted: bool = False

    @property
    def deleted_at(self) -> datetime | None:
        """When it was deleted, as far as the audit log still knows."""
        return self.deleted.at if self.deleted else None


def remember(trigger_id: str) -> Remembered:
    """The trigger; else as the audit log saw it last, or as its last firing names it. Raises NotFound."""
    try:
        return Remembered(find_trigger(trigger_id))
    except NotFound:
        entry = Entry.objects.filter(subject=trigger_id, action="trigger.deleted").order_by("-id").first()
        if entry is not None:
            return Remembered(_from_facts(trigger_id, entry.facts.get("trigger", {})), entry, is_deleted=True)
        firing = Firing.objects.filter(trigger_id=trigger_id).order_by("-fired_at", "-id").first()
        if firing is None:
            raise
    known = {"name": trigger_id, "eventType": firing.event_type, "actionType": firing.action_type}
    return Remembered(_from_facts(trigger_id, known), is_deleted=True)


def _from_facts(trigger_id: str, facts: dict[str, Any]) -> Trigger:
    values = {_NAMES[name]: value for name, value in facts.items() if name in _NAMES}
    return Trigger(**{**values, "id": trigger_id, "status": "deleted"})
