"""Accepts many events at once, as if they had come in while no worker was there (to be run by `Product.run`)."""

import time

from django.db import connection, transaction

from kaireon.core import clock
from kaireon.events.publish import NewEvent, publish
from tests.benchmarks import scenery


def accept(first: int, count: int, customers: int) -> float:
    """`count` events of the customers from `first` on, in turn; the moment (`time.time`) from which they are there.

    By the product's own function, in one transaction: workers see all of them from one moment to the next, with the
    planner's statistics as a table has them that is in use.
    """
    events = [
        NewEvent(
            event_type=scenery.EVENT_TYPE,
            customer_id=scenery.customer(number),
            properties=scenery.properties(number),
            source="api",
        )
        for number in (first + index % customers for index in range(count))
    ]
    with transaction.atomic():
        publish(events, now=clock.now())
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE events_event")
        return time.time()
