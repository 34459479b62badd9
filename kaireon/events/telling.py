"""What is counted and logged of events: once a batch, when the transaction that it is about has been committed."""

import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from kaireon.core import trace
from kaireon.core.context import note_events
from kaireon.core.counters import OTHER, Histogram
from kaireon.core.counters import Counter as SharedCounter
from kaireon.events.consumers import Decision, QueuedEvent

logger = logging.getLogger("kaireon.batches")

IGNORED = "ignored"
"""What stands for the decision about an event that no trigger listens to."""
DECISION_LABELS = (
    "fired",
    "condition_false",
    "cooldown",
    "missing_customer",
    "loop_stopped",
    "action_failed",
    IGNORED,
)

ACCEPTED = SharedCounter("kaireon_events_accepted", "Events that were stored, by their door", {"source": None})
DUPLICATES = SharedCounter("kaireon_events_duplicate", "Events whose id was there already")
PROCESSED = SharedCounter("kaireon_events_processed", "Events that were processed")
BROKEN = SharedCounter("kaireon_events_broken", "Tries of events that broke and were set aside")
# Only types that a trigger listens to have series of their own: whoever sends events can't make any.
DECISIONS = SharedCounter(
    "kaireon_decisions",
    "Decisions about events by the event's type; other and ignored where no trigger listens to it",
    {"event_type": None, "decision": DECISION_LABELS},
)
TO_FIRING = Histogram("kaireon_event_to_firing_seconds", "From an event's acceptance until its firings are committed")


def stored(
    events: Sequence[tuple[str, str, bool]], *, sources: Mapping[str, int], settled: Collection[str] = ()
) -> None:
    """Tells of events that a request (or whoever it is) has handed in: id, type, whether it was there already.

    Those of the `settled` types were stored as processed.
    """
    new = [(event_id, event_type) for event_id, event_type, is_duplicate in events if not is_duplicate]
    for source, count in sources.items():
        ACCEPTED.add(count, source=source)
    if len(new) < len(events):
        DUPLICATES.add(len(events) - len(new))
    note_events(event_id for event_id, _ in new)
    if trace.is_on():
        trace.write("accepted", [{"event_id": event_id, "event_type": event_type} for event_id, event_type in new])
    ignored = [(event_id, event_type) for event_id, event_type in new if event_type in settled]
    if not ignored:
        return
    PROCESSED.add(len(ignored))
    DECISIONS.add(len(ignored), event_type=OTHER, decision=IGNORED)
    if trace.is_on():
        trace.write("processed", [{"event_id": one, "event_type": name, "decisions": []} for one, name in ignored])


def processed(
    events: Sequence[QueuedEvent], ledger: Mapping[int, Sequence[Decision]], *, began_at: datetime, now: datetime
) -> None:
    """Tells of a batch that is committed at `now`."""
    decided: Counter[tuple[str, str]] = Counter()
    waited: list[float] = []
    fired = 0
    for event in events:
        lines = ledger[event.sequence]
        if not lines:
            decided[OTHER, IGNORED] += 1
        firings = 0
        for line in lines:
            decided[event.event_type, line["decision"]] += line.get("count", 1)
            firings += line["decision"] == "fired"
        if firings:
            waited.append((now - event.received_at).total_seconds())
            fired += firings
    for (event_type, decision), count in decided.items():
        DECISIONS.add(count, event_type=event_type, decision=decision)
    PROCESSED.add(len(events))
    TO_FIRING.observe(waited)
    logger.info(
        "batch",
        extra={
            "lanes": sorted({event.lane for event in events}),
            "events": len(events),
            "fired": fired,
            "duration_ms": round((now - began_at).total_seconds() * 1000, 1),
            "event_ids": trace.few(event.event_id for event in events),
        },
    )
    if trace.is_on():
        trace.write(
            "processed",
            [
                {
                    "event_id": event.event_id,
                    "event_type": event.event_type,
                    "lane": event.lane,
                    "decisions": ledger[event.sequence],
                }
                for event in events
            ],
        )


def set_aside(event: QueuedEvent, *, attempts: int, failed: bool) -> None:
    """Tells of an event that broke; the error itself, and its traceback, are in the line before."""
    BROKEN.add()
    logger.warning(
        "event set aside",
        extra={"event_id": event.event_id, "lane": event.lane, "attempts": attempts, "failed": failed},
    )
