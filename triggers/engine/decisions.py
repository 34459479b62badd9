"""The lines of an event's ledger: what each trigger that listens to its type decided, and why."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from kaireon import conditions
from kaireon.core.clock import iso
from kaireon.events.consumers import Decision
from triggers.engine.compilation import CompiledTrigger


class Verdict(StrEnum):
    """What a trigger can decide about an event."""

    FIRED = "fired"
    CONDITION_FALSE = "condition_false"
    COOLDOWN = "cooldown"
    MISSING_CUSTOMER = "missing_customer"
    LOOP_STOPPED = "loop_stopped"
    ACTION_FAILED = "action_failed"


def reason_of(leaf: conditions.LeafResult | None) -> str:
    """Why a condition does not hold, as the ledger says it: the leaf's field and what was found there."""
    if leaf is None:
        return ""
    return leaf.reason if leaf.reason.startswith(leaf.field) else f"{leaf.field}: {leaf.reason}"


def decision(
    trigger: CompiledTrigger,
    verdict: Verdict,
    *,
    reason: str = "",
    until: datetime | None = None,
    firing_id: str | None = None,
) -> Decision:
    """One line of the ledger."""
    line: Decision = {"triggerId": trigger.id, "version": trigger.version, "decision": verdict.value}
    if until is not None:
        line["until"] = iso(until)
    if firing_id is not None:
        line["firingId"] = firing_id
    if reason:
        line["reason"] = reason
    return line


def the_rest(count: int, *, state: int, reads_customer: bool, seen: Mapping[str, Any] | None) -> Decision:
    """The line that stands for all `count` triggers whose conditions do not hold, in that state of the catalogue.

    `seen` is what conditions read of the customer's record; `triggers.ledger` makes a line for each trigger of it.
    """
    line: Decision = {"decision": Verdict.CONDITION_FALSE.value, "count": count, "state": state}
    if reads_customer:
        line["seen"] = seen
    return line
