"""Lanes: why one customer's events are handled in order, and others beside them.

lane = hash(customer id, or event id where there is none) mod 16. A worker takes lanes under advisory locks. A wake-up
is a Celery message that says only which lanes have work; if one is lost, a beat task notices within seconds.
"""

import logging
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence

from celery import current_app
from django.db import connection
from kombu.exceptions import OperationalError as BrokerError
from psycopg import Cursor
from redis import RedisError

from kaireon.core.redis import redis_client, script
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
# KEYS of each lane: its hint, the number of the latest message that was sent, of the latest that was read. ARGV: the
# number of this message for each lane; none stands for the latest. One from before Redis lost its count is not noted.
_READ = """
for i = 1, #ARGV do
    local hint, sent, read = KEYS[3 * i - 2], KEYS[3 * i - 1], KEYS[3 * i]
    local latest = tonumber(redis.call('GET', sent) or '0')
    local number = tonumber(ARGV[i]) or latest
    redis.call('DEL', hint)
    if number <= latest and number > tonumber(redis.call('GET', read) or '0') then
        redis.call('SET', read, number)
    end
end
"""
# KEYS: hints. ARGV: the seconds for which they stand. Answers in their order, with a 1 for each that was not there.
# As commands of their own they cost Python three times as much, and single events ask for each commit.
_HINT = """
local set = {}
for i = 1, #KEYS do
    set[i] = redis.call('SET', KEYS[i], 1, 'NX', 'EX', ARGV[1]) and 1 or 0
end
return set
"""
# A message names further lanes until their new events are so many. A batch costs as much as thirty events by itself, so
# one of few events is dear; but what comes in at once should be shared among workers.
_EVENTS_PER_MESSAGE = 125


def lane_of(*, customer_id: str | None, event_id: str) -> int:
    """The lane of an event, the same in every process."""
    return zlib.crc32((event_id if customer_id is None else customer_id).encode()) % LANE_COUNT


def try_locks(lanes: Collection[int]) -> list[int]:
    """Takes lanes until the transaction ends: those that no other worker has."""
    with connection.wrap_database_errors, Cursor(connection.connection) as cursor:
        cursor.execute(
            "SELECT lane FROM unnest(%s::int[]) AS lane WHERE pg_try_advisory_xact_lock(%s, lane)",
            [list(lanes), _LOCK_SPACE],
        )
        return [row[0] for row in cursor.fetchall()]


def hold(lane: int) -> None:
    """The same, and waits for who has it; who comes later waits for us."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK_SPACE, lane])


def wake(waiting: Mapping[int, int]) -> None:
    """Tells workers that lanes have so many new events, once for each lane that no unread hint stands for already.

    Never raises: the events are in PostgreSQL, and the sweeper finds them where this message got lost.
    """
    wanted = sorted(waiting)
    try:
        were_set = script(_HINT)(keys=[_hint(lane) for lane in wanted], args=[_HINT_EXPIRES_SECONDS])
    except RedisError:
        logger.warning("Lanes were not woken: Redis is away; the sweeper will find their events")
        return
    send_hints(_gathered({lane: waiting[lane] for lane, was_set in zip(wanted, were_set, strict=True) if was_set}))


def _gathered(waiting: Mapping[int, int]) -> list[list[int]]:
    """The lanes, those together that one message shall name."""
    messages: list[list[int]] = []
    events = _EVENTS_PER_MESSAGE
    for lane, count in waiting.items():
        if events >= _EVENTS_PER_MESSAGE:
            messages.append([])
            events = 0
        messages[-1].append(lane)
        events += count
    return messages


def send_hints(messages: Iterable[Sequence[int]]) -> None:
    """Sends one message for each group of lanes, each lane with its number. Never raises, for the reason above.

    The first lane stands where programs of earlier versions look for the only one.
    """
    groups = [list(lanes) for lanes in messages]
    try:
        with redis_client().pipeline(transaction=False) as pipeline:
            for lanes in groups:
                for lane in lanes:
                    pipeline.incr(_sent(lane))
            numbers = iter(pipeline.execute())
        with current_app.producer_or_acquire() as producer:
            for first, *others in groups:
                current_app.send_task(
                    DRAIN_TASK,
                    kwargs={
                        "lane": first,
                        "number": next(numbers),
                        "others": {str(one): next(numbers) for one in others},
                    },
                    producer=producer,
                    retry=False,
                )
    except (BrokerError, RedisError, OSError):
        logger.warning("Lanes were not woken: the broker is away; the sweeper will find their events")


def hints_read(numbers: Mapping[int, int | None]) -> None:
    """A worker has read a message that names these lanes, with these numbers. Call it before looking for events.

    From here on a new event of these lanes needs a new hint.
    """
    keys = [key(lane) for lane in numbers for key in (_hint, _sent, _read)]
    script(_READ)(keys=keys, args=["" if one is None else one for one in numbers.values()])


def send_on(lanes: Sequence[int]) -> None:
    """These lanes have had their turn and have more: sends the next messages, one for each.

    Not where a message is on its way that nobody has read. In a backlog each message for a lane would else go on for
    ever beside the others, and the sweeper would add sixteen every five seconds. If that one gets lost, the sweeper
    finds out.
    """
    if not lanes:
        return
    try:
        sent, read = (redis_client().mget([key(lane) for lane in lanes]) for key in (_sent, _read))
    except RedisError:
        logger.warning("Lanes were not sent on: Redis is away; the sweeper will find their events")
        return
    send_hints(
        [lane]
        for lane, last, seen in zip(lanes, sent, read, strict=True)
        if last is None or int(seen or 0) >= int(last)
    )


def are_plenty_sent() -> bool:
    """Whether so many messages wait for workers that more of them would say nothing new. Raises RedisError."""
    return int(redis_client().llen(_QUEUE)) > _PLENTY


def _hint(lane: int) -> str:
    return f"lane-hint:{lane}"


def _sent(lane: int) -> str:
    return f"lane-sent:{lane}"


def _read(lane: int) -> str:
    return f"lane-read:{lane}"
