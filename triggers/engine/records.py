"""What stays of firings: a row each, and an entry in the audit log each."""

from collections import Counter
from collections.abc import Sequence

from django.db import transaction

from audit.log import NewEntry, record
from kaireon.core import trace
from kaireon.core.copy_rows import copy_rows
from kaireon.core.counters import Counter as SharedCounter
from triggers.engine.dispatch import Carried
from triggers.models import Firing, Outcome

FIRINGS = SharedCounter(
    "kaireon_firings", "Firings by their action's outcome", {"action_type": None, "outcome": Outcome.values}
)
_COLUMNS = (
    "id",
    "trigger_id",
    "trigger_version",
    "event_id",
    "event_type",
    "customer_id",
    "lane",
    "action_type",
    "outcome",
    "detail",
    "error",
    "fired_at",
    "duration_ms",
)


def record_firings(carried: Sequence[Carried], entries: Sequence[NewEntry]) -> None:
    """Writes the firings, and the audit log's entries for them behind `entries`: one statement for each table."""
    if carried:
        copy_rows(
            Firing,
            _COLUMNS,
            [
                (
                    one.work.firing_id,
                    one.trigger.id,
                    one.trigger.version,
                    one.work.event.event_id,
                    one.work.event.event_type,
                    one.work.event.customer_id,
                    one.work.event.lane,
                    one.trigger.action.action_type,
                    one.outcome,
                    one.result.detail,
                    one.result.error,
                    one.work.fired_at,
                    one.duration_ms,
                )
                for one in carried
            ],
        )
        transaction.on_commit(lambda: _tell(carried), robust=True)
    record(*entries, *(_entry(one) for one in carried))


def _tell(carried: Sequence[Carried]) -> None:
    """Counts firings that are committed, and follows them where that is asked for."""
    counts = Counter((one.trigger.action.action_type, one.outcome) for one in carried)
    for (action_type, outcome), count in counts.items():
        FIRINGS.add(count, action_type=action_type, outcome=outcome)
    if trace.is_on():
        trace.write(
            "fired",
            [
                {
                    "event_id": one.work.event.event_id,
                    "firing_id": one.work.firing_id,
                    "trigger_id": one.trigger.id,
                    "action_type": one.trigger.action.action_type,
                    "outcome": one.outcome,
                    "error": one.result.error,
                }
                for one in carried
            ],
        )


def _entry(one: Carried) -> NewEntry:
    return NewEntry(
        action="trigger.fired",
        subject=one.work.firing_id,
        trigger_id=one.trigger.id,
        customer_id=one.work.event.customer_id or "",
        event_type=one.work.event.event_type,
        event_id=one.work.event.event_id,
        action_taken=one.trigger.action.action_type,
        outcome=one.outcome,
        facts={
            "triggerVersion": one.trigger.version,
            **({"detail": dict(one.result.detail)} if one.result.detail else {}),
            **({"error": one.result.error} if one.result.error else {}),
        },
        at=one.work.fired_at,
    )
