"""A Redis stream, read as a member of a consumer group. Redis 6.2 or newer.

An entry that was read stays with its consumer until it is acknowledged. A consumer begins with what it still owes from
its last life, and takes over what others have owed for a minute: they have died.
"""

import time
from collections.abc import Sequence
from typing import Any

import redis
from redis import exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

from kaireon.core.json_values import encode
from kaireon.events.streams.sources import Message, SourceAway, SourceRefused

SOURCE = "redis-stream"
DEFAULT_FIELD = "data"
TAKE_OVER_AFTER_MS = 60_000
LOOK_FOR_THE_DEAD_EVERY_S = 15.0
MAX_LAG_COUNTED = 10_000
"""Before Redis 7 entries that nobody has read yet must be counted one by one; from here on it is not worth it."""

_FROM_THE_BEGINNING = (b"0-0", "0-0")
_GONE = "The entry was deleted from the stream, or trimmed, before it was stored."
# Leaving a group deletes what the consumer still owes with it; so it leaves only where it owes nothing.
_LEAVE = """
    if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2]) == 0 then
        return redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
    end
"""
_COUNT_AFTER = """
    local count, id, step = 0, ARGV[1], 500
    while count < tonumber(ARGV[2]) do
        local entries = redis.call('XRANGE', KEYS[1], '(' .. id, '+', 'COUNT', step)
        count = count + #entries
        if #entries < step then return count end
        id = entries[#entries][1]
    end
    return count
"""


class RedisStream:
    """Entries of one stream; `field` is the entry's field that holds the JSON."""

    def __init__(
        self, *, url: str, stream: str, group: str, consumer: str, field: str = DEFAULT_FIELD, start: str = "earliest"
    ) -> None:
        # No tries by the client itself: entries whose answer got lost are owed, which only we can notice.
        self._client = redis.Redis.from_url(
            url, socket_connect_timeout=5, socket_timeout=10, health_check_interval=30, retry=Retry(NoBackoff(), 0)
        )
        self._stream = stream
        self._group = group
        self._consumer = consumer
        self._field = field.encode()
        self._start = "0" if start == "earliest" else "$"
        self._has_joined = False
        # Whether entries may be owed: read in an earlier life, taken over, or not acknowledged since Redis was away.
        self._owes = True
        self._look_for_the_dead_at_s = 0.0
        self._looked_until: Any = "0-0"
        self._in_hand: list[bytes] = []

    def fetch(self, *, limit: int, wait_s: float) -> Sequence[Message]:
        """What is owed comes first."""
        try:
            if not self._has_joined:
                self._join()
            lost = self._take_over(limit)
            if lost:
                return lost
            entries: list[Any] = []
            if self._owes:
                entries = self._read("0", limit)
                self._owes = bool(entries)
            if not entries:
                entries = self._read(">", limit, block_ms=max(1, int(wait_s * 1000)))
        except exceptions.ResponseError as error:
            self._refuse(error)
            return []
        except exceptions.RedisError as error:
            self._owes = True
            raise _trouble(error) from None
        self._in_hand = [entry_id for entry_id, _ in entries]
        return [self._message(entry_id, fields) for entry_id, fields in entries]

    def acknowledge(self) -> None:
        """Where Redis does not take it, the same entries are read again, and acknowledged then."""
        if not self._in_hand:
            return
        try:
            self._client.xack(self._stream, self._group, *self._in_hand)
        except exceptions.ResponseError as error:
            self._refuse(error)
        except exceptions.RedisError as error:
            self._owes = True
            raise _trouble(error) from None
        self._in_hand = []

    def lag(self) -> int | None:
        """Entries that are owed, and those that nobody has read; before Redis 7 the latter are counted up to 10,000."""
        try:
            for group in self._client.xinfo_groups(self._stream):
                if group["name"] == self._group.encode():
                    unread = group.get("lag")
                    if unread is None:
                        last = group["last-delivered-id"]
                        unread = self._client.eval(_COUNT_AFTER, 1, self._stream, last, MAX_LAG_COUNTED)
                    return int(group["pending"]) + int(unread)
        except exceptions.ResponseError:  # the stream was deleted; or scripts are forbidden
            return None
        except exceptions.RedisError as error:
            raise _trouble(error) from None
        return None

    def close(self) -> None:
        """Leaves the group where nothing is owed; else the next one of this name, or another, goes on with that."""
        try:
            if self._has_joined:
                self._client.eval(_LEAVE, 1, self._stream, self._group, self._consumer)
        except exceptions.RedisError:
            pass  # it stays as a member that owes something or nothing, which does no harm
        finally:
            self._client.close()

    def _join(self) -> None:
        try:
            self._client.xgroup_create(self._stream, self._group, id=self._start, mkstream=True)
        except exceptions.ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise
        self._has_joined = True

    def _read(self, after: str, limit: int, *, block_ms: int | None = None) -> list[Any]:
        answer: Any = self._client.xreadgroup(
            self._group, self._consumer, {self._stream: after}, count=limit, block=block_ms
        )
        return list(answer[0][1]) if answer else []

    def _take_over(self, limit: int) -> list[Message]:
        """Takes what dead consumers owe, to be read as owed by this one. Gives what is gone of it (Redis 7 tells)."""
        if time.monotonic() < self._look_for_the_dead_at_s:
            return []
        answer: Any = self._client.xautoclaim(
            self._stream,
            self._group,
            self._consumer,
            min_idle_time=TAKE_OVER_AFTER_MS,
            start_id=self._looked_until,
            count=limit,
        )
        self._looked_until, claimed, *deleted = answer
        self._owes = self._owes or bool(claimed)
        if self._looked_until in _FROM_THE_BEGINNING:
            self._look_for_the_dead_at_s = time.monotonic() + LOOK_FOR_THE_DEAD_EVERY_S
        self._in_hand = []
        return [self._message(entry_id, {}) for entry_id in (deleted[0] if deleted else [])]

    def _message(self, entry_id: bytes, fields: dict[bytes, bytes]) -> Message:
        position = f"{self._stream}:{entry_id.decode()}"
        if not fields:
            return Message(position=position, body=None, problem=_GONE)
        body = fields.get(self._field)
        if body is None:
            shown = {name.decode(errors="replace"): value.decode(errors="replace") for name, value in fields.items()}
            problem = f"The entry has no field {self._field.decode()}; it has {', '.join(shown)}."
            return Message(position=position, body=None, problem=problem, excerpt=encode(shown))
        return Message(position=position, body=body)

    def _refuse(self, error: exceptions.ResponseError) -> None:
        """Raises, but for a group that is gone with its stream: that is made anew."""
        text = str(error)
        if text.startswith(("NOGROUP", "UNBLOCKED")) or "no longer exists" in text:
            self._has_joined = False
            self._start = "0"  # what has come since the old one went must not be passed over
            return
        if isinstance(error, exceptions.ReadOnlyError) or text.startswith(("LOADING", "MASTERDOWN", "CLUSTERDOWN")):
            raise _trouble(error) from None
        raise SourceRefused(f"Redis refuses to let {self._stream} be consumed: {text}") from None


def _trouble(error: exceptions.RedisError) -> SourceAway | SourceRefused:
    if isinstance(error, exceptions.AuthenticationError):
        return SourceRefused("Redis refuses the user or the password in the URL.")
    return SourceAway(f"Redis does not answer ({type(error).__name__})")
