"""Whether the process lives, and whether the installation can work."""

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from redis import RedisError, ResponseError

from kaireon.core import clock
from kaireon.core.heartbeat import silent_queues
from kaireon.core.redis import redis_client
from kaireon.health import backlog

MAX_LAG_SECONDS = 60.0
"""Events that wait for longer than this mean that nobody works them off."""


def live(request: HttpRequest) -> HttpResponse:
    """200 as long as this process answers."""
    return JsonResponse({"status": "ok"})


def ready(request: HttpRequest) -> HttpResponse:
    """200 where events can be accepted and are processed; else 503 with what is missing."""
    problems = [*_database_problems(), *_redis_problems()]
    return JsonResponse(
        {"status": "unavailable" if problems else "ok", "problems": problems}, status=503 if problems else 200
    )


def _database_problems() -> list[str]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        lag_seconds = backlog.lag_seconds(now=clock.now())
    except DatabaseError:
        return ["PostgreSQL does not answer"]
    return [f"events have been waiting for {lag_seconds:.0f} s"] if lag_seconds > MAX_LAG_SECONDS else []


def _redis_problems() -> list[str]:
    try:
        return [*_policy_problems(), *(f"no worker of the queue {queue} is heard of" for queue in silent_queues())]
    except RedisError:
        return ["Redis does not answer"]


def _policy_problems() -> list[str]:
    try:
        policy = redis_client().config_get("maxmemory-policy").get("maxmemory-policy")
    except ResponseError:  # hosted Redis may forbid CONFIG
        return []
    if policy == "noeviction":
        return []
    return [f"Redis' maxmemory-policy is {policy}; with anything but noeviction cooldowns get lost"]
