"""What happens in the background: waits that are over, and enrolments whose journey is archived or gone."""

import logging
import time
from collections import deque
from collections.abc import Sequence
from datetime import datetime

from django.db import InterfaceError, OperationalError, connection, transaction
from psycopg import errors
from redis import RedisError

from kaireon.customers.working_set import WorkingSet
from kaireon.journeys.advance import advance, finish
from kaireon.journeys.compilation import catalogue
from kaireon.journeys.nodes.base import Scope
from kaireon.journeys.rows import BATCH_SIZE, end, take_due, take_one

logger = logging.getLogger(__name__)

_DUE_JOURNEYS = """
    SELECT id FROM journeys_journey
    WHERE status = 'active' AND EXISTS (
        SELECT FROM journeys_enrolment
        WHERE journey_id = journeys_journey.id AND journeys_enrolment.status = 'active' AND resume_at <= %s
    )
    ORDER BY id
"""
# One look into the index for each journey that has active enrolments, however many those are.
_ABANDONED_JOURNEYS = """
    WITH RECURSIVE inhabited AS (
        (SELECT journey_id FROM journeys_enrolment WHERE status = 'active' ORDER BY journey_id LIMIT 1)
        UNION ALL
        SELECT (
            SELECT next.journey_id FROM journeys_enrolment AS next
            WHERE next.status = 'active' AND next.journey_id > inhabited.journey_id
            ORDER BY next.journey_id LIMIT 1
        )
        FROM inhabited WHERE inhabited.journey_id IS NOT NULL
    )
    SELECT inhabited.journey_id, CASE WHEN journey.id IS NULL THEN 'deleted' ELSE 'archived' END
    FROM inhabited LEFT JOIN journeys_journey AS journey ON journey.id = inhabited.journey_id
    WHERE inhabited.journey_id IS NOT NULL AND (journey.id IS NULL OR journey.status = 'archived')
"""
_TAKE_ABANDONED = """
    SELECT id FROM journeys_enrolment
    WHERE journey_id = %s AND status = 'active'
    ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
"""


def resume_due(*, now: datetime, run_seconds: float | None = None) -> bool:
    """Takes up every enrolment that is due at `now`, batch by batch; True where time ran out before all were.

    Several workers may do this at the same time: they take different rows.
    """
    deadline = None if run_seconds is None else time.monotonic() + run_seconds
    queue = deque(_due_journeys(now=now))
    while queue:
        journey_id = queue.popleft()
        # The journeys take turns: a crowd in one of them does not keep the others waiting.
        if _resume_batch(journey_id, now=now) == BATCH_SIZE:
            queue.append(journey_id)
        if deadline is not None and time.monotonic() > deadline:
            return bool(queue)
    return False


def end_abandoned(*, now: datetime) -> int:
    """Ends the enrolments of archived and deleted journeys, batch by batch; how many those were. Publishes nothing."""
    with connection.cursor() as cursor:
        cursor.execute(_ABANDONED_JOURNEYS)
        abandoned: list[tuple[str, str]] = cursor.fetchall()
    return sum(_end_all(journey_id, reason=reason, now=now) for journey_id, reason in abandoned)


def _end_all(journey_id: str, *, reason: str, now: datetime) -> int:
    ended = 0
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_TAKE_ABANDONED, [journey_id, BATCH_SIZE])
            ids = [row[0] for row in cursor.fetchall()]
            end(ids, reason=reason, now=now)
        ended += len(ids)
        if len(ids) < BATCH_SIZE:
            return ended


def _due_journeys(*, now: datetime) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(_DUE_JOURNEYS, [now])
        return [row[0] for row in cursor.fetchall()]


class _Broken(Exception):
    """Moving these enrolments broke, and nothing of it stays; the cause says with what."""

    def __init__(self, ids: Sequence[str]) -> None:
        super().__init__()
        self.ids = ids


def _resume_batch(journey_id: str, *, now: datetime) -> int:
    """Moves up to BATCH_SIZE enrolments on, and says how many those were. 0 where others are in the way."""
    try:
        try:
            return _move(journey_id, now=now, limit=BATCH_SIZE)
        except _Broken:
            logger.exception("A batch of enrolments broke; they are moved one by one")
            return _move_one_by_one(journey_id, now=now)
    except OperationalError as error:
        if not isinstance(error.__cause__, errors.DeadlockDetected):
            raise
        logger.warning("Enrolments and another transaction stood in each other's way; they are taken up again later")
        return 0


def _move(journey_id: str, *, now: datetime, limit: int) -> int:
    """One transaction. Raises _Broken, or OperationalError and the like where the database is away."""
    with transaction.atomic():
        travellers = take_due(journey_id=journey_id, now=now, limit=limit)
        # Behind the rows: a journey that was paused before they were taken is seen to be so.
        journeys = catalogue.current().by_id
        if not travellers or (journey := journeys.get(journey_id)) is None or not journey.is_active:
            return 0
        ids = [traveller.id for traveller in travellers]
        try:
            advance(travellers, journeys=journeys, scope=Scope(now=now, records=WorkingSet(now=now)))
        except (OperationalError, InterfaceError, RedisError):
            raise
        except Exception as error:
            # A bug in a node, or data that it can't bear. Which enrolment it is shows one by one.
            raise _Broken(ids) from error
        return len(ids)


def _move_one_by_one(journey_id: str, *, now: datetime) -> int:
    moved = 0
    while moved < BATCH_SIZE:
        try:
            if not _move(journey_id, now=now, limit=1):
                break
        except _Broken as error:
            # This is the one. It must not hold up the others, and would break again.
            logger.exception("An enrolment broke and is ended", extra={"enrolment_id": error.ids[0]})
            _end_broken(error.ids[0], kind=type(error.__cause__).__name__, now=now)
        moved += 1
    return moved


def _end_broken(enrolment_id: str, *, kind: str, now: datetime) -> None:
    """Ends it. The log has the traceback, its history the kind of error."""
    with transaction.atomic():
        travellers = take_one(enrolment_id)
        journeys = catalogue.current().by_id
        # Of a journey that is gone meanwhile, `end_abandoned` ends it.
        left = [traveller for traveller in travellers if traveller.journey_id in journeys]
        for traveller in left:
            traveller.leave(reason=f"failed: the journey broke with {kind}; the worker's log has the details", at=now)
        finish(left, journeys=journeys, now=now)
