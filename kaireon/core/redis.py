"""The connection to Redis, one pool a process."""

from functools import cache

import redis
from django.conf import settings
from redis.commands.core import Script


@cache
def redis_client() -> redis.Redis:
    """A client with short time-outs: whoever asks Redis has a way to go on, or to try later, without it."""
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=2, socket_timeout=5, health_check_interval=30
    )


@cache
def script(text: str) -> Script:
    """A Lua script that Redis is sent once, and then called by its digest."""
    return redis_client().register_script(text)
