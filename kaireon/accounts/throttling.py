"""The rate limit: so many requests a minute for each caller, counted in Redis."""

import logging
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.conf import settings
from redis import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from kaireon.accounts.client_address import client_address
from kaireon.core.redis import redis_client

if TYPE_CHECKING:  # DRF reads its settings, and so imports this module, while its views are being imported
    from rest_framework.views import APIView

logger = logging.getLogger(__name__)
WINDOW_SECONDS = 60


def within_rate(callers: Sequence[str], *, now: float) -> list[bool]:
    """Counts one request for each of `callers`, and says which of them are within the limit.

    Where Redis is away callers are let through: events must get in.
    """
    limit: int = settings.RATE_LIMIT_PER_MINUTE
    if limit == 0:
        return [True] * len(callers)
    keys = [f"rate:{caller}:{int(now // WINDOW_SECONDS)}" for caller in callers]
    try:
        with redis_client().pipeline(transaction=False) as pipeline:
            for key in keys:
                pipeline.incr(key)
            for key in set(keys):
                pipeline.expire(key, 2 * WINDOW_SECONDS)
            counts = pipeline.execute()
    except RedisError:
        logger.warning("The rate limit is not counted: Redis is away")
        return [True] * len(callers)
    return [int(count) <= limit for count in counts[: len(keys)]]


class CallerThrottle(BaseThrottle):
    """A fixed window of a minute."""

    def allow_request(self, request: Request, view: "APIView") -> bool:
        now = time.time()
        self._wait_seconds = WINDOW_SECONDS - now % WINDOW_SECONDS
        caller = request.auth or request.user.pk or client_address(request)
        return within_rate([str(caller)], now=now)[0]

    def wait(self) -> float:
        """Seconds until the next window, for Retry-After."""
        return self._wait_seconds
