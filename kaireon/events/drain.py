"""Working off lanes: batches of up to 500 waiting events, each lane's in order, each batch in one transaction.

An event that breaks its batch is found by handling the batch's events one by one, set aside with its error and tried
again later, while the others go on. After five tries it is `failed` and waits for a person (see `replay`).
"""

import logging
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from psycopg import Cursor
from redis import RedisError

from kaireon.core import clock
from kaireon.core.errors import ApiError
from kaireon.core.json_values import decode, encode
from kaireon.core.redis import redis_client
from kaireon.events import telling
from kaireon.events.consumers import Decision, QueuedEvent, consume
from kaireon.events.lanes import try_locks
from kaireon.events.models import LANE_COUNT, Event, EventStatus

logger = logging.getLogger(__name__)

BATCH_SIZE = 500
# One task handles so many batches before it lets other lanes, and what else beat asks for, have the worker.
# Sixteen turns of a second each would take longer than the messages of beat are good for.
BATCHES_PER_TURN = 5
RETRY_AFTER = (timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10))
MAX_ATTEMPTS = len(RETRY_AFTER) + 1
# A connection that was cut, and can be had again at once, is no fault of the event in hand. Where the same event meets
# that each time, it may well be the cause.
TRIES_AT_ONCE = 3

_SELECT = """
    SELECT sequence, event_id, event_type, customer_id, occurred_at, received_at, properties::text, cause, depth,
           event.lane, attempts, attempts > 0 OR error <> ''
    FROM unnest(%s::smallint[]) AS held(lane)
    CROSS JOIN LATERAL (
        SELECT * FROM events_event
        WHERE events_event.lane = held.lane AND sequence + 0 > %s AND status = 'pending'
          AND (next_attempt_at IS NULL OR next_attempt_at <= %s)
        ORDER BY sequence + 0 LIMIT %s
    ) AS event
    ORDER BY sequence
"""
_FINISH = """
    UPDATE events_event
    SET status = 'processed', processed_at = %s, decisions = done.decisions, error = '', next_attempt_at = NULL
    FROM jsonb_to_recordset(%s::jsonb) AS done(sequence bigint, decisions jsonb)
    WHERE events_event.sequence = done.sequence
"""
# One look into the index for each lane, however many events wait.
_WAITING_LANES = """
    SELECT lane FROM unnest(%s::smallint[]) AS lane
    CROSS JOIN LATERAL (
        SELECT FROM events_event
        WHERE events_event.lane = lane.lane AND status = 'pending'
          AND (next_attempt_at IS NULL OR next_attempt_at <= %s)
        ORDER BY sequence + 0 LIMIT 1
    ) AS first
"""


def drain_lanes(lanes: Collection[int]) -> list[int]:
    """Works off `lanes` for one turn. Returns those that have more, and deserve another turn.

    Leaves out what another worker has: that one looks again after it has let go.
    """
    left = list(lanes)
    for _ in range(BATCHES_PER_TURN):
        held = _handle_batch(left)
        # Without their locks, after they were let go: an event that came meanwhile found its hint already read.
        left = waiting_lanes(held)
        if not left:
            break
    return left


def _handle_batch(lanes: Collection[int]) -> list[int]:
    """Handles one batch of all lanes together, and returns those that no other worker has."""
    try:
        with transaction.atomic():
            held = try_locks(lanes)
            if held:
                _process(_waiting(held, limit=BATCH_SIZE // len(held)))
            return held
    except (OperationalError, InterfaceError, RedisError):
        _raise_unless_the_events_fault()
        logger.warning("A batch broke; its events are handled one by one", exc_info=True)
    except Exception:
        # A consumer's bug, or data that it can't bear. Which event it is shows one by one.
        logger.exception("A batch broke; its events are handled one by one")
    return [lane for lane in lanes if _handle_one_by_one(lane)]


def _handle_one_by_one(lane: int) -> bool:
    """The same for one lane; False where another worker has it."""
    last_sequence = 0
    tries = 0
    handled = 0
    while handled < BATCH_SIZE:
        event: QueuedEvent | None = None
        try:
            with transaction.atomic():
                if not try_locks([lane]):
                    return False
                waiting = _waiting([lane], limit=1, after=last_sequence)
                if not waiting:
                    return True
                event = waiting[0]
                _process(waiting)
        except (OperationalError, InterfaceError, RedisError) as error:
            _raise_unless_the_events_fault()
            tries += 1
            if event is not None and tries < TRIES_AT_ONCE:
                continue
            _set_aside(event, error)
        except Exception as error:
            # The event's own fault, or a bug that this event meets: it must not hold up the others.
            logger.exception("An event was set aside", extra={"event_id": event.event_id if event else None})
            _set_aside(event, error)
        tries = 0
        last_sequence = event.sequence if event else last_sequence
        handled += 1
    return True


def _process(events: Sequence[QueuedEvent]) -> None:
    if not events:
        return
    now = clock.now()
    ledger = consume(events, now=now)
    _finish(ledger, now=clock.now())
    transaction.on_commit(lambda: telling.processed(events, ledger, began_at=now, now=clock.now()), robust=True)


def _waiting(lanes: Collection[int], *, limit: int, after: int = 0) -> list[QueuedEvent]:
    """At most `limit` of each lane, all in the order of their arrival."""
    # In the binary form: of moments written out as text, reading would take longer than the whole query. Not prepared,
    # like all that looks for events: a plan that was made when there were few of them would stay.
    with connection.wrap_database_errors, Cursor(connection.connection) as cursor:
        cursor.execute(_SELECT, [list(lanes), after, clock.now(), limit], binary=True, prepare=False)
        return [
            QueuedEvent(
                sequence=row[0],
                event_id=row[1],
                event_type=row[2],
                customer_id=row[3],
                occurred_at=row[4],
                received_at=row[5],
                properties=decode(row[6].encode()),
                cause=row[7],
                depth=row[8],
                lane=row[9],
                attempts=row[10],
                is_retry=row[11],
            )
            for row in cursor.fetchall()
        ]


def _finish(ledger: dict[int, list[Decision]], *, now: datetime) -> None:
    rows = [{"sequence": sequence, "decisions": decisions} for sequence, decisions in ledger.items()]
    with connection.cursor() as cursor:
        cursor.execute(_FINISH, [now, encode(rows).decode()])


def _set_aside(event: QueuedEvent | None, error: Exception) -> None:
    """Counts the try and says when the next one is due; after the last one the event is failed."""
    if event is None:
        raise error
    attempts = event.attempts + 1
    failed = attempts >= MAX_ATTEMPTS
    Event.objects.filter(sequence=event.sequence, status=EventStatus.PENDING).update(
        attempts=attempts,
        error=_describe(error),
        status=EventStatus.FAILED if failed else EventStatus.PENDING,
        next_attempt_at=None if failed else clock.now() + RETRY_AFTER[attempts - 1],
    )
    telling.set_aside(event, attempts=attempts, failed=failed)


def _describe(error: Exception) -> str:
    """Readers of events see this: our own sentences, and of any other error its kind alone."""
    if isinstance(error, ApiError):
        return error.message
    return f"Processing broke with {type(error).__name__}; the worker's log has the details under this event's id."


def _raise_unless_the_events_fault() -> None:
    """Re-raises where PostgreSQL or Redis is away: then events wait, and no try is counted."""
    try:
        redis_client().ping()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (DatabaseError, InterfaceError, RedisError):
        connection.close()
        raise


def waiting_lanes(lanes: Collection[int] = range(LANE_COUNT)) -> list[int]:
    """Those of `lanes` that have events which are due."""
    with connection.cursor() as cursor:
        cursor.execute(_WAITING_LANES, [list(lanes), clock.now()])
        return [row[0] for row in cursor.fetchall()]
