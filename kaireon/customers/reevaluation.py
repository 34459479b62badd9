"""Trying new criteria on the stored records, in the background: chunk by chunk, each in one transaction.

Where the work stands is in the segment's row, so that any worker takes it up where another one, that may be dead, left
it. Two at once take turns, since the row is locked for the time of a chunk.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from celery import current_app
from django.db import OperationalError, connection, transaction
from kombu.exceptions import OperationalError as BrokerError
from psycopg import errors
from redis import RedisError

from kaireon.core import clock
from kaireon.customers.criteria import compiled
from kaireon.customers.memberships import (
    ActiveSegment,
    Moves,
    current_pairs,
    hold_segments,
    hold_segments_alone,
    membership_event,
)
from kaireon.customers.models import Segment
from kaireon.customers.numbers import read_settled
from kaireon.events.publish import publish

logger = logging.getLogger(__name__)

TASK = "kaireon.customers.reevaluate_segment"
CHUNK_SIZE = 1000
STALLED_AFTER = timedelta(seconds=10)
# While workers are busy, beat asks for them again and again; later they must not find one message for each time.
_MESSAGE_EXPIRES_SECONDS = 10
# A chunk gives way before PostgreSQL looks for deadlocks (after 1 s): a batch of events that locks records in two goes
# may have met it half-way, and that batch should not be the one that is broken.
_CHUNK_LOCK_TIMEOUT = "800ms"
# Writers that come meanwhile wait as well.
_BARRIER_LOCK_TIMEOUT = "2s"
_MOST_RETREATS = 8

_CHUNK = """
    SELECT customer_id, attributes::text
    FROM customers_record
    WHERE schema_id = %s AND customer_id > %s
    ORDER BY customer_id
    LIMIT %s
    FOR SHARE
"""


@dataclass(slots=True)
class _Pace:
    """How many records the next chunk takes: fewer after it had to give way, then more again."""

    size: int
    retreats: int = 0

    def slower(self) -> None:
        self.size = max(1, self.size // 4)
        self.retreats += 1

    def faster(self, most: int) -> None:
        self.size = min(most, self.size * 2)
        self.retreats = 0


class Step(Enum):
    """How a re-evaluation stands."""

    MORE = "more"
    WRITERS_FIRST = "writers first"
    DONE = "done"


def reevaluate(segment_id: str, *, run_seconds: float, chunk_size: int = CHUNK_SIZE) -> bool:
    """Goes on with a segment's re-evaluation for a while.

    True where this process should go on with what is left; False where nothing is, or where it can't be done now.
    """
    pace = _Pace(chunk_size)
    until = clock.now() + timedelta(seconds=run_seconds)
    while clock.now() < until:
        try:
            step = evaluate_chunk(segment_id, size=pace.size, now=clock.now())
        except OperationalError as error:
            if not _others_have_the_lock(error):
                raise
            pace.slower()
            if pace.retreats > _MOST_RETREATS:
                logger.warning("Records of a segment are locked by others; it is tried again later")
                return False
            continue
        if step is Step.DONE or (step is Step.WRITERS_FIRST and not let_writers_pass(segment_id)):
            return False
        pace.faster(chunk_size)
    return True


def let_writers_pass(segment_id: str) -> bool:
    """Waits for all who may have read the criteria of before, and notes that they are gone.

    Not where the segment is changed again meanwhile. False where they take too long; then try again later.
    """
    found = Segment.objects.filter(pk=segment_id).values_list("schema_id", "version").first()
    if found is None:
        return True
    schema_id, version = found
    try:
        with transaction.atomic():
            _set_lock_timeout(_BARRIER_LOCK_TIMEOUT)
            hold_segments_alone(schema_id)
    except OperationalError as error:
        if not _others_have_the_lock(error):
            raise
        return False
    Segment.objects.filter(pk=segment_id, version=version).update(writers_have_passed=True)
    return True


@transaction.atomic
def evaluate_chunk(segment_id: str, *, size: int, now: datetime) -> Step:
    """Tries the criteria on the next `size` records, and publishes who enters and exits.

    The records are locked in the order of their customer ids, as all who write them do, and read when they are locked.
    Raises OperationalError where others have them for too long.
    """
    schema_id = Segment.objects.filter(pk=segment_id).values_list("schema_id", flat=True).first()
    if schema_id is None:
        return Step.DONE
    _set_lock_timeout(_CHUNK_LOCK_TIMEOUT)
    hold_segments(schema_id)
    segment = Segment.objects.select_for_update(no_key=True).filter(pk=segment_id, is_evaluating=True).first()
    if segment is None:
        return Step.DONE
    if not segment.writers_have_passed:
        return Step.WRITERS_FIRST
    records = _read_chunk(segment, size)
    _move(segment, records, now=now)
    segment.done += len(records)
    segment.is_evaluating = len(records) == size
    segment.cursor = next(reversed(records), segment.cursor)
    segment.progressed_at = now
    segment.save(update_fields=["done", "is_evaluating", "cursor", "progressed_at"])
    return Step.MORE if segment.is_evaluating else Step.DONE


def stalled(*, now: datetime) -> list[str]:
    """The segments whose re-evaluation nobody goes on with."""
    return list(
        Segment.objects.filter(is_evaluating=True, progressed_at__lt=now - STALLED_AFTER)
        .order_by("progressed_at")
        .values_list("pk", flat=True)
    )


def wake(segment_id: str) -> None:
    """Sends a worker to it. Never raises: what there is to do stands in the segment's row, and beat looks for it."""
    try:
        current_app.send_task(TASK, kwargs={"segment_id": segment_id}, retry=False, expires=_MESSAGE_EXPIRES_SECONDS)
    except (BrokerError, RedisError, OSError):
        logger.warning("A segment's re-evaluation was not begun: the broker is away; beat will find it")


def _read_chunk(segment: Segment, size: int) -> dict[str, Mapping[str, Any]]:
    """Attributes by customer id, in their order."""
    with connection.cursor() as cursor:
        cursor.execute(_CHUNK, [segment.schema_id, segment.cursor, size])
        return {row[0]: read_settled(row[1]) for row in cursor.fetchall()}


def _move(segment: Segment, records: Mapping[str, Mapping[str, Any]], *, now: datetime) -> None:
    active = _active(segment)
    if active.holds is None or not records:
        return
    before = {customer_id for _, customer_id in current_pairs(records, [segment.pk])}
    after = {customer_id for customer_id, attributes in records.items() if active.holds({"customer": attributes})}
    moved = [customer_id for customer_id in records if (customer_id in before) != (customer_id in after)]
    Moves(
        entered=[(segment.pk, customer_id) for customer_id in moved if customer_id in after],
        exited=[(segment.pk, customer_id) for customer_id in moved if customer_id in before],
    ).write(now=now)
    publish(
        [membership_event(active, customer_id, is_member=customer_id in after) for customer_id in moved],
        now=now,
        settle_unheard=True,
    )


def _active(segment: Segment) -> ActiveSegment:
    with connection.cursor() as cursor:
        cursor.execute("SELECT criteria::text FROM customers_segment WHERE id = %s", [segment.pk])
        (criteria,) = cursor.fetchone()
    return ActiveSegment(segment.pk, segment.name, segment.schema_id, compiled(criteria))


def _others_have_the_lock(error: OperationalError) -> bool:
    return isinstance(error.__cause__, errors.LockNotAvailable | errors.DeadlockDetected)


def _set_lock_timeout(timeout: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [timeout])
