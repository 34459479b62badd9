"""Lanes: why one customer's events are handled in order, and others beside them.

lane = hash(customer id, or event id where there is none) mod 16. A worker takes a lane under an advisory lock. A
wake-up is a Celery message that says only "lane k has work"; if one is lost, a beat task notices within seconds.
"""

import logging
import zlib
from collections.abc import Iterable

from celery import current_app
from django.db import connection
from kombu.exceptions import OperationalError as BrokerError
from redis import RedisError

from kaireon.core.redis import redis_client
from kaireon.events.models import LANE_COUNT

logger = logging.getLogger(__name__)

DRAIN_TASK = "kaireon.events.drain_lane"
# The first of the two numbers of PostgreSQL's advisory locks; the second is the lane.
_LOCK_SPACE = 0x6B72_6E00
# A hint that got lost with its message may hold back new ones for this long; the sweeper does not ask it.
_HINT_EXPIRES_SECONDS = 2
# Celery's list of messages for workers of events.
_QUEUE = "events"
_PLENTY = 4 * LANE_COUNT


def lane_of(*, customer_id: str | None, event_id: str) -> int:
    """The lane of an event, the same in every process."""
    return zlib.crc32((event_id if customer_id is None else customer_id).encode()) % LANE_COUNT


def try_lock(lane: int) -> bool:
    """Takes the lane until the transaction ends; False where another worker has it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [_LOCK_SPACE, lane])
        row = cursor.fetchone()
    return bool(row and row[0])


def hold(lane: int) -> None:
    """The same, and waits for who has it; who comes later waits for us."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK_SPACE, lane])


def wake(lanes: Iterable[int]) -> None:
    """Tells workers that `lanes` have work, once for each lane that no unread hint stands for already.

    Never raises: the events are in PostgreSQL, and the sweeper finds them where this message got lost.
    """
    wanted = sorted(set(lanes))
    try:
        with redis_client().pipeline(transaction=False) as pipeline:
            for lane in wanted:
                pipeline.set(_hint(lane), 1, nx=True, ex=_HINT_EXPIRES_SECONDS)
            unhinted = [lane for lane, was_set in zip(wanted, pipeline.execute(), strict=True) if was_set]
    except RedisError:
        logger.warning("Lanes were not woken: Redis is away; the sweeper will find their events")
        return
    send_hints(unhinted)


def send_hints(lanes: Iterable[int]) -> None:
    """Sends one message a lane, each with its number. Never raises, for the reason above."""
    wanted = list(lanes)
    try:
        with redis_client().pipeline(transaction=False) as pipeline:
            for lane in wanted:
                pipeline.incr(_sent(lane))
            numbers = pipeline.execute()
        with current_app.producer_or_acquire() as producer:
            for lane, number in zip(wanted, numbers, strict=True):
                current_app.send_task(
                    DRAIN_TASK, kwargs={"lane": lane, "number": number}, producer=producer, retry=False
                )
    except (BrokerError, RedisError, OSError):
        logger.warning("Lanes were not woken: the broker is away; the sweeper will find their events")


def send_on(lane: int, *, number: int | None) -> None:
    """The message with that number has had its turn, and the lane has more: sends the next one.

    Not where a later one is on its way already. In a backlog each message for a lane would else go on for ever beside
    the others, and the sweeper would add sixteen every five seconds. If the later one gets lost, the sweeper finds out.
    """
    try:
        latest = redis_client().get(_sent(lane))
    except RedisError:
        logger.warning("A lane was not sent on: Redis is away; the sweeper will find its events")
        return
    if number is None or latest is None or int(latest) <= number:
        send_hints([lane])


def are_plenty_sent() -> bool:
    """Whether so many messages wait for workers that more of them would say nothing new. Raises RedisError."""
    return int(redis_client().llen(_QUEUE)) > _PLENTY


def hint_read(lane: int) -> None:
    """From here on, a new event of `lane` needs a new hint. Call it before looking for events."""
    redis_client().delete(_hint(lane))


def _hint(lane: int) -> str:
    return f"lane-hint:{lane}"


def _sent(lane: int) -> str:
    return f"lane-sent:{lane}"
