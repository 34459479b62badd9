"""Signs of life of the workers, kept in Redis for a few seconds."""

import time

from kaireon.core.redis import redis_client

EXPIRES_SECONDS = 20
# The queues that need a living worker before the installation counts as ready.
QUEUES = ("events", "delivery")


def beat(queue: str) -> None:
    """Notes that a worker of `queue` handles tasks."""
    redis_client().set(_key(queue), int(time.time()), ex=EXPIRES_SECONDS)


def silent_queues() -> list[str]:
    """The queues of which no worker was heard lately. Raises RedisError."""
    return [queue for queue in QUEUES if not redis_client().exists(_key(queue))]


def _key(queue: str) -> str:
    return f"heartbeat:{queue}"
