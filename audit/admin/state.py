"""The line above the list: how far the log is sealed, and what the last verification has found."""

from dataclasses import dataclass
from datetime import datetime

from audit.models import Entry, Seal
from audit.sealing import newest_seal
from audit.verification import VERIFIED


@dataclass(frozen=True, slots=True)
class Verified:
    """The last verification, as the log has it."""

    at: datetime
    actor: str
    is_intact: bool
    is_complete: bool
    findings: int
    entries: int
    entry_id: int


@dataclass(frozen=True, slots=True)
class State:
    """What is shown. None for what never happened."""

    newest: Seal | None
    verified: Verified | None


def state_of_the_seals() -> State:
    """Two look-ups, however long the log is."""
    entry = Entry.objects.filter(action=VERIFIED).order_by("-id").first()
    return State(newest_seal(), None if entry is None else _verified(entry))


def _verified(entry: Entry) -> Verified:
    facts = entry.facts
    return Verified(
        at=entry.at,
        actor=entry.actor,
        is_intact=entry.outcome == "succeeded",
        is_complete=bool(facts.get("isComplete")),
        findings=facts.get("findings", 0),
        entries=facts.get("entries", 0),
        entry_id=entry.pk,
    )
