"""An event's ledger as people read it: what each trigger decided, and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kaireon.core.clock import parse_moment
from triggers.models import Firing, Trigger
from triggers.studio.outcomes import Effect, effect_of, sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What one trigger decided about one event. `text` is a sentence.

    `version` is the one that decided; `is_older` says that the trigger was changed since.
    """

    trigger_id: str
    trigger_name: str
    is_deleted: bool
    version: int
    is_older: bool
    decision: str
    text: str
    until: datetime | None
    firing: Firing | None
    effect: Effect | None


def line_of(raw: Mapping[str, Any], *, triggers: Mapping[str, Trigger], firings: Mapping[str, Firing]) -> Line:
    """One line. A trigger that is in no `triggers` was deleted."""
    trigger = triggers.get(raw["triggerId"])
    firing = firings.get(raw.get("firingId", ""))
    return Line(
        trigger_id=raw["triggerId"],
        trigger_name=trigger.name if trigger else raw["triggerId"],
        is_deleted=trigger is None,
        version=raw["version"],
        is_older=trigger is not None and trigger.version != raw["version"],
        decision=raw["decision"],
        text=in_words(raw),
        until=parse_moment(raw["until"]) if "until" in raw else None,
        firing=firing,
        effect=effect_of(firing) if firing else None,
    )


def in_words(raw: Mapping[str, Any]) -> str:
    """Why a trigger decided so, as a sentence; empty where it fired, which says it all."""
    match raw["decision"]:
        case "fired":
            return ""
        case "condition_false":
            return sentence(raw.get("reason", "")) or "The condition does not hold."
        case "cooldown":
            return "It had fired for this customer within its cooldown."
        case _:
            return sentence(raw.get("reason", ""))
