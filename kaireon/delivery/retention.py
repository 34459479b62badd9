"""Deliveries that have ended go, with their attempts, when they are past their age."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import connection, transaction

from kaireon.core import retention
from kaireon.core.retention import BATCH_SIZE, Age, Step, batches
from kaireon.delivery.circuits import forget_healthy

# Where a delivery was queued long ago and has ended lately, its attempts are young. One that is pending or held is
# still to be sent; one with a lease may still be on its way, and its attempt has to find it.
_SELECT = """
    SELECT created_at, id FROM delivery_delivery delivery
     WHERE created_at < %(cutoff)s AND created_at >= %(created_at)s AND (created_at, id) > (%(created_at)s, %(id)s)
       AND status NOT IN ('pending', 'held') AND (leased_until IS NULL OR leased_until < %(lease)s)
       AND NOT EXISTS (SELECT FROM delivery_attempt attempt
                        WHERE attempt.delivery_id = delivery.id AND attempt.started_at >= %(cutoff)s)
     ORDER BY created_at, id
     LIMIT %(limit)s
       FOR UPDATE SKIP LOCKED
"""
_DELETE_ATTEMPTS = "DELETE FROM delivery_attempt WHERE delivery_id = ANY(%s)"
_DELETE = "DELETE FROM delivery_delivery WHERE id = ANY(%s)"
_LONGER_THAN_ANY_LEASE = timedelta(hours=1)
_BEGINNING = (datetime.min.replace(tzinfo=UTC), "")

_Position = tuple[datetime, str]


def register() -> None:
    """Adds the rule for deliveries."""
    retention.register(retention.Rule("deliveries", lambda: settings.RETENTION_DAYS["deliveries"], sweep))


def sweep(age: Age) -> Iterator[int]:
    """Counts deliveries alone. Afterwards circuits of receivers go that have been well for as long."""
    yield from batches(partial(_step, age))
    with transaction.atomic():
        forget_healthy(before=age.cutoff, limit=BATCH_SIZE)


def _step(age: Age, after: _Position | None) -> Step[_Position]:
    created_at, delivery_id = after or _BEGINNING
    with connection.cursor() as cursor:
        cursor.execute(
            _SELECT,
            {
                "cutoff": age.cutoff,
                "created_at": created_at,
                "id": delivery_id,
                "lease": age.now - _LONGER_THAN_ANY_LEASE,
                "limit": BATCH_SIZE,
            },
        )
        found: list[_Position] = cursor.fetchall()
        ids = [row[1] for row in found]
        cursor.execute(_DELETE_ATTEMPTS, [ids])
        cursor.execute(_DELETE, [ids])
    return Step(len(ids), found[-1] if len(found) == BATCH_SIZE else None)
