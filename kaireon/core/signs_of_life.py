"""Which programs live, and on which machine: each says so every few seconds, in one sorted set of Redis.

`heartbeat` tells whether a queue is worked off by anybody; this tells whether the worker, or the beat, of this very
machine (or container) is alive and has its connection to Redis. Moments are those of the Redis server: clocks that
differ between machines do no harm.
"""

import logging
import os
import socket

from redis import RedisError

from kaireon.core.redis import script

logger = logging.getLogger(__name__)

EVERY_SECONDS = 5.0
SILENT_AFTER_SECONDS = 20.0
PROGRAMS = ("events", "delivery", "beat")

_KEY = "signs-of-life"
_FORGOTTEN_AFTER_SECONDS = 3600
_SHOW = f"""
local now = tonumber(redis.call('TIME')[1])
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - {_FORGOTTEN_AFTER_SECONDS})
"""
_SEEN = """
local now = tonumber(redis.call('TIME')[1])
return redis.call('ZRANGEBYSCORE', KEYS[1], now - tonumber(ARGV[1]), '+inf')
"""


def show(program: str) -> None:
    """Says that `program` lives in this process. Never raises: without Redis there is nobody to tell."""
    try:
        script(_SHOW)(keys=[_KEY], args=[f"{program}@{socket.gethostname()}:{os.getpid()}"])
    except RedisError:
        logger.warning("No sign of life could be given: Redis is away")


def living(*, within_seconds: float = SILENT_AFTER_SECONDS) -> dict[str, int]:
    """How many processes of each of PROGRAMS were heard of, on all machines. Raises RedisError."""
    seen = _seen(within_seconds)
    return {program: sum(one.startswith(f"{program}@") for one in seen) for program in PROGRAMS}


def lives_here(program: str, *, within_seconds: float = SILENT_AFTER_SECONDS) -> bool:
    """Whether `program` was heard of from this machine, or container. Raises RedisError."""
    here = f"{program}@{socket.gethostname()}:"
    return any(one.startswith(here) for one in _seen(within_seconds))


def _seen(within_seconds: float) -> list[str]:
    return [one.decode() for one in script(_SEEN)(keys=[_KEY], args=[int(within_seconds)])]
