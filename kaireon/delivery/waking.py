"""Tells the workers that there is something to send. It may fail: beat wakes them every few seconds anyway."""

import logging
from functools import cache

import redis
from celery import current_app
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)

TASK = "kaireon.delivery.send_due"
_HINT = "delivery:hint"
# A message that nobody takes up within this time does not keep others from being sent.
_HINT_SECONDS = 5


def wake_on_commit() -> None:
    """Wakes a worker when the transaction in hand is committed."""
    transaction.on_commit(wake)


def wake() -> None:
    """Sends a message, unless one is on its way. Never raises, and never takes long, for want of Redis."""
    try:
        if _redis().set(_HINT, "1", nx=True, ex=_HINT_SECONDS):
            # Redis has just answered, and it is the broker as well; so this does not wait for it either.
            current_app.send_task(TASK, retry=False, ignore_result=True)
    except (redis.RedisError, OperationalError, OSError):
        logger.warning("Delivery was not woken: Redis is away. What is due is sent when beat asks for it")


def clear_hint() -> None:
    """Called when a message is taken up: from here on a new one means new work."""
    try:
        _redis().delete(_HINT)
    except redis.RedisError:
        logger.warning("The hint for delivery was not cleared: Redis is away")


@cache
def _redis() -> redis.Redis:
    """A client of its own: whoever enqueues must not wait for a hint."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=0.5, socket_timeout=0.5)
