"""How many events may wait: over that, the doors answer "later" in the place of letting the queue grow without bound.

Only what comes from outside is refused. What the platform publishes while it acts on an event is always taken: to
refuse it would undo work that is done, and it is bounded by what was let in.

The count is an estimate that costs next to nothing. Once a second, at most, each process looks: the distance between
the oldest waiting event and the newest one is a bound that takes two looks into an index. Only where that bound is over
the limit are the waiting events counted, up to the limit. In between, a process adds what it has let in itself. So what
waits can exceed the limit by what all other processes let in within the same second, and by one request (or by the
single events that are stored together); and a queue that has just been worked off may refuse for a second longer.
"""

import math
import threading
from dataclasses import dataclass
from time import monotonic

from django.conf import settings
from django.db import connection

from kaireon.core.errors import ServiceUnavailable
from kaireon.events.models import LANE_COUNT

LOOK_EVERY_SECONDS = 1.0
SHARE_FOR_COUNTING = 0.05
"""Where counting takes long, it is done more seldom: no process spends more than this share of its time on it."""
RETRY_AFTER_SECONDS = 5

# The oldest of each lane is one look into the index of waiting events, the newest one into the primary key.
_BOUND = """
    SELECT (SELECT max(sequence) FROM events_event) - min(oldest.sequence) + 1
      FROM generate_series(0, %s) AS lane
     CROSS JOIN LATERAL (SELECT sequence FROM events_event
                          WHERE events_event.lane = lane.lane AND status = 'pending'
                          ORDER BY sequence + 0 LIMIT 1) oldest
"""
_COUNT = """
    SELECT count(*)
      FROM (SELECT FROM events_event WHERE status = 'pending' ORDER BY lane, sequence + 0 LIMIT %s) waiting
"""


class OverCapacity(ServiceUnavailable):
    """More events wait than are allowed to; the caller keeps its events and sends them again."""

    retry_after_seconds = RETRY_AFTER_SECONDS


@dataclass(slots=True)
class _Estimate:
    waiting: int = 0
    looks_at: float = -math.inf


_estimate = _Estimate()
_looking = threading.Lock()


def admit(count: int) -> None:
    """Lets about `count` more events in. Raises OverCapacity where the queue is full; nothing may be stored then."""
    if not has_room():
        raise OverCapacity(
            f"{settings.MAX_WAITING_EVENTS:,} events are waiting to be processed, and no more than that are taken."
            " Nothing of this request was stored: send it again, with the same ids, after as many seconds as the header"
            " Retry-After says. If it lasts, start more workers for events, or raise KAIREON_MAX_WAITING_EVENTS."
        )
    _estimate.waiting += count


def has_room() -> bool:
    """Whether events are let in at this moment."""
    limit = settings.MAX_WAITING_EVENTS
    if not limit:
        return True
    # Whoever comes while another thread looks goes by what was found before.
    if monotonic() >= _estimate.looks_at and _looking.acquire(blocking=False):
        try:
            _look(limit)
        finally:
            _looking.release()
    return _estimate.waiting < limit


def forget() -> None:
    """Makes the next call look."""
    _estimate.waiting, _estimate.looks_at = 0, -math.inf


def _look(limit: int) -> None:
    began = monotonic()
    with connection.cursor() as cursor:
        cursor.execute(_BOUND, [LANE_COUNT - 1])
        row = cursor.fetchone()
        waiting = int(row[0] or 0) if row else 0
        if waiting >= limit:
            cursor.execute(_COUNT, [limit])
            row = cursor.fetchone()
            waiting = int(row[0]) if row else 0
    ended = monotonic()
    _estimate.waiting = waiting
    _estimate.looks_at = ended + max(LOOK_EVERY_SECONDS, (ended - began) / SHARE_FOR_COUNTING)
