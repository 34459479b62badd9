"""What stays of firings: a row each, and an entry in the audit log each."""

from collections.abc import Sequence

from audit.log import NewEntry, record
from kaireon.core.copy_rows import copy_rows
from triggers.engine.dispatch import Carried
from triggers.models import Firing

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
                    one.result.outcome.value,
                    one.result.detail,
                    one.result.error,
                    one.work.fired_at,
                    one.duration_ms,
                )
                for one in carried
            ],
        )
    record(*entries, *(_entry(one) for one in carried))


def _entry(one: Carried) -> NewEntry:
    return NewEntry(
        action="trigger.fired",
        subject=one.work.firing_id,
        trigger_id=one.trigger.id,
        customer_id=one.work.event.customer_id or "",
        event_type=one.work.event.event_type,
        event_id=one.work.event.event_id,
        action_taken=one.trigger.action.action_type,
        outcome=one.result.outcome.value,
        facts={
            "triggerVersion": one.trigger.version,
            **({"detail": dict(one.result.detail)} if one.result.detail else {}),
            **({"error": one.result.error} if one.result.error else {}),
        },
        at=one.work.fired_at,
    )
