"""Accepts events for the straightforward design, as rows and as messages on the broker (to be run by `Product.run`).

The messages go to a list that no worker reads, which gets the queue's name in one step when all are there."""

import time

from kaireon.core import clock
from kaireon.core.redis import redis_client
from kaireon.events.models import Event
from tests.benchmarks import scenery
from tests.benchmarks.straightforward.celery import app
from tests.benchmarks.straightforward.events import message_of, new_event
from tests.benchmarks.straightforward.tasks import MINIMAL, SAME_WORK

_WAITING = "straightforward.waiting"


def accept_minimal(first: int, count: int) -> float:
    """`count` events of as many customers; the moment (`time.time`) from which their messages are there."""
    return _accept(MINIMAL, first, count)


def accept_same_work(first: int, count: int) -> float:
    """The same, with messages for the other mode."""
    return _accept(SAME_WORK, first, count)


def _accept(task: str, first: int, count: int) -> float:
    now = clock.now()
    events = [
        new_event(
            event_type=scenery.EVENT_TYPE,
            customer_id=scenery.customer(number),
            properties=scenery.properties(number),
            occurred_at=now,
            now=now,
        )
        for number in range(first, first + count)
    ]
    Event.objects.bulk_create(events)
    with app.producer_or_acquire() as producer:
        for event in events:
            app.send_task(task, kwargs=message_of(event), queue=_WAITING, producer=producer)
    began = time.time()
    redis_client().rename(_WAITING, app.conf.task_default_queue)
    return began
