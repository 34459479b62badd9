"""The rate limit: so many requests a minute for each caller, counted in Redis."""

import logging
import time
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


class CallerThrottle(BaseThrottle):
    """A fixed window of a minute. Where Redis is away callers are let through: events must get in."""

    def allow_request(self, request: Request, view: "APIView") -> bool:
        limit: int = settings.RATE_LIMIT_PER_MINUTE
        if limit == 0:
            return True
        now = time.time()
        self._wait_seconds = WINDOW_SECONDS - now % WINDOW_SECONDS
        key = f"rate:{request.auth or request.user.pk or client_address(request)}:{int(now // WINDOW_SECONDS)}"
        try:
            with redis_client().pipeline(transaction=False) as pipeline:
                pipeline.incr(key)
                pipeline.expire(key, 2 * WINDOW_SECONDS)
                count, _ = pipeline.execute()
        except RedisError:
            logger.warning("The rate limit is not counted: Redis is away")
            return True
        return int(count) <= limit

    def wait(self) -> float:
        """Seconds until the next window, for Retry-After."""
        return self._wait_seconds
