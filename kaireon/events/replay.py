"""Sending failed events back to the queue."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet

from audit.log import NewEntry, record
from kaireon.core.errors import Conflict
from kaireon.events.lanes import wake
from kaireon.events.models import Event, EventStatus

BATCH_SIZE = 500
AT_MOST = 5000
"""As many as one call of `replay_all` sends back: somebody waits for its answer."""
MOST_LEFT_COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class Tally:
    """How many were sent back, and how many behind them were left; one more than `MOST_LEFT_COUNTED`: or more."""

    done: int
    left: int


@transaction.atomic
def replay(*, event: Event) -> Event:
    """Queues a failed event again, with fresh tries. What already fired does not fire again.

    Raises Conflict for an event that did not fail.
    """
    locked = Event.objects.select_for_update().get(pk=event.pk)
    if locked.status != EventStatus.FAILED:
        raise Conflict(f"Only a failed event can be replayed; this one is {locked.status}.")
    _queue_again([locked])
    locked.refresh_from_db()
    return locked


def replay_all(*, events: QuerySet[Event], at_most: int = AT_MOST) -> Tally:
    """Queues those of `events` again that have failed, as `replay` does, the oldest first and at most so many.

    They go batch by batch, each in a transaction of its own: what was sent back stays so, whatever becomes of the rest.
    One that fails anew meanwhile is not sent back twice. To be called outside of a transaction.
    """
    failed = events.filter(status=EventStatus.FAILED).order_by("sequence")
    done = last = 0
    while done < at_most:
        with transaction.atomic():
            batch = failed.filter(sequence__gt=last)[: min(BATCH_SIZE, at_most - done)]
            # Of the columns only what an entry of the audit log tells; another one who replays them makes us wait.
            locked = list(batch.only("event_id", "customer_id", "event_type", "error", "lane").select_for_update())
            _queue_again(locked)
        if not locked:
            return Tally(done, 0)
        done += len(locked)
        last = locked[-1].sequence
    left = failed.filter(sequence__gt=last).values("pk")[: MOST_LEFT_COUNTED + 1].count()
    return Tally(done, left)


def _queue_again(failed: Iterable[Event]) -> None:
    """Those events, which are locked. They keep their error: it says that they were tried before."""
    events = list(failed)
    if not events:
        return
    Event.objects.filter(pk__in=[event.pk for event in events]).update(
        status=EventStatus.PENDING, attempts=0, next_attempt_at=None
    )
    record(
        *(
            NewEntry(
                action="event.replayed",
                subject=event.event_id,
                customer_id=event.customer_id or "",
                event_type=event.event_type,
                event_id=event.event_id,
                facts={"error": event.error},
            )
            for event in events
        )
    )
    waiting = Counter(event.lane for event in events)
    transaction.on_commit(lambda: wake(waiting))
