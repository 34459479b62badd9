"""How a trigger came to be what it is: who changed what, and when, read from the audit log."""

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from audit.models import Entry
from kaireon.studio.lists import EndlessList
from kaireon.studio.templatetags.studio import word
from triggers.definition import priority_band
from triggers.studio.changes_meanwhile import actor_in_words
from triggers.studio.one_trigger import OneTrigger
from triggers.studio.wording import action_label, cooldown_in_words

_LABELS = {
    "name": "Name",
    "description": "Description",
    "eventType": "Event type",
    "condition": "Condition",
    "actionType": "Action",
    "actionConfig": "Configuration of the action",
    "priority": "Priority",
    "cooldownMs": "Cooldown",
    "status": "Status",
}
_TITLES = {
    "trigger.created": "Created",
    "trigger.updated": "Changed",
    "trigger.status_changed": "Status changed",
    "trigger.deleted": "Deleted",
}
_AROUND = 2
"""Lines around a change that are shown unchanged, so that one sees where it is."""


@dataclass(frozen=True, slots=True)
class DiffLine:
    """`sign` is + or - or a blank, or … for lines that were left out."""

    sign: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """A field before and after: as two texts, or line by line."""

    label: str
    before: str = ""
    after: str = ""
    lines: Sequence[DiffLine] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An entry of the audit log, as people read it. `snapshot` is the whole trigger, where the entry has it."""

    title: str
    entry: Entry
    actor: str
    version: int | None
    fields: Sequence[FieldChange]
    snapshot: Mapping[str, Any] | None


class NoFilters(django_filters.FilterSet):
    """A history is read whole."""

    class Meta:
        model = Entry
        fields: tuple[str, ...] = ()


class TriggerHistory(OneTrigger, EndlessList[Entry]):
    """The trigger's changes, the newest first."""

    template_name = "studio/triggers/history.html"
    tab = "history"
    filters = NoFilters
    keys = ("id",)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.recall()
        return super().get(request, *args, **kwargs)

    def rows(self) -> QuerySet[Entry]:
        return changes_of(self.kwargs["trigger_id"])

    def decorate(self, rows: Sequence[Entry]) -> Mapping[str, Any]:
        return {"changes": [read_change(entry) for entry in rows]}


def changes_of(trigger_id: str) -> QuerySet[Entry]:
    """The entries about the trigger itself; its firings have theirs as well, by the million."""
    # A firing is its own subject, so none is here anyway. Said all the same, since the index is one without firings.
    return Entry.objects.filter(subject=trigger_id, trigger_id=trigger_id).exclude(action="trigger.fired")


def read_change(entry: Entry) -> Change:
    """The entry with its fields in words."""
    facts: Mapping[str, Any] = entry.facts
    changed: Mapping[str, Any] = facts.get("changes", {})
    return Change(
        title=_TITLES.get(entry.action, entry.action),
        entry=entry,
        actor=actor_in_words(entry.actor),
        version=facts.get("version", 1 if entry.action == "trigger.created" else None),
        fields=[_field(name, change.get("before"), change.get("after")) for name, change in changed.items()],
        snapshot=facts.get("trigger"),
    )


def _field(name: str, before: Any, after: Any) -> FieldChange:
    label = _LABELS.get(name, name)
    if isinstance(before, dict | list) or isinstance(after, dict | list) or "\n" in f"{before}{after}":
        return FieldChange(label=label, lines=diff(_text(before), _text(after)))
    return FieldChange(label=label, before=_in_words(name, before), after=_in_words(name, after))


def diff(before: str, after: str) -> list[DiffLine]:
    """What differs between two texts, line by line, with a little around it."""
    lines: list[DiffLine] = []
    for line in list(difflib.unified_diff(before.splitlines(), after.splitlines(), n=_AROUND, lineterm=""))[2:]:
        if line.startswith("@@"):
            if lines:
                lines.append(DiffLine("…", ""))
        else:
            lines.append(DiffLine(line[0], line[1:]))
    return lines


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def _in_words(name: str, value: Any) -> str:
    match name:
        case "cooldownMs":
            return cooldown_in_words(value)
        case "priority":
            return f"{value} ({priority_band(value)})"
        case "status":
            return word(value)
        case "actionType":
            return action_label(value)
        case _:
            return str(value) if value not in ("", None) else "(empty)"
