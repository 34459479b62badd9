"""Processed events go when they are past their age, and so do dead letters of streams.

An event stays while it is pending or failed, while a delivery that it brought about is still to be sent, and while a
package above this one says that it needs it. An id that was deleted is forgotten: sent again, it is a new event.
"""

from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime
from functools import partial

from django.conf import settings
from django.db import connection

from kaireon.core import retention
from kaireon.core.retention import BATCH_SIZE, Age, Step, batches

Keeper = Callable[[Collection[str]], Collection[str]]
"""Takes ids of processed events that are past their age, and answers with those that have to stay."""

_keepers: dict[str, Keeper] = {}

_SELECT = """
    SELECT received_at, sequence, event_id FROM events_event event
     WHERE received_at < %(cutoff)s AND received_at >= %(received_at)s
       AND (received_at, sequence) > (%(received_at)s, %(sequence)s)
       AND status = 'processed'
       AND NOT EXISTS (SELECT FROM delivery_delivery delivery
                        WHERE delivery.event_id = event.event_id AND delivery.status IN ('pending', 'held'))
     ORDER BY received_at, sequence
     LIMIT %(limit)s
       FOR UPDATE SKIP LOCKED
"""
_DELETE = "DELETE FROM events_event WHERE sequence = ANY(%s)"
_DELETE_DEAD_LETTERS = """
    DELETE FROM events_streamdeadletter WHERE id IN (
        SELECT id FROM events_streamdeadletter WHERE received_at < %s ORDER BY received_at, id LIMIT %s
           FOR UPDATE SKIP LOCKED)
"""

_BEGINNING = (datetime.min.replace(tzinfo=UTC), 0)

_Position = tuple[datetime, int]


def keep(name: str, keeper: Keeper) -> None:
    """Lets a package that knows more than this one keep events. The same name again replaces it."""
    _keepers[name] = keeper


def register() -> None:
    """Adds the rules for events and for dead letters."""
    retention.register(retention.Rule("events", lambda: settings.RETENTION_DAYS["events"], sweep_events))
    retention.register(
        retention.Rule("dead letters", lambda: settings.RETENTION_DAYS["dead letters"], sweep_dead_letters)
    )


def sweep_events(age: Age) -> Iterator[int]:
    """Deletes events, the oldest first."""
    return batches(partial(_step, age))


def _step(age: Age, after: _Position | None) -> Step[_Position]:
    received_at, sequence = after or _BEGINNING
    with connection.cursor() as cursor:
        cursor.execute(
            _SELECT,
            {"cutoff": age.cutoff, "received_at": received_at, "sequence": sequence, "limit": BATCH_SIZE},
        )
        found: list[tuple[datetime, int, str]] = cursor.fetchall()
        ids = {row[2] for row in found}
        kept = {event_id for keeper in _keepers.values() for event_id in keeper(ids)}
        sequences = [row[1] for row in found if row[2] not in kept]
        cursor.execute(_DELETE, [sequences])
    return Step(len(sequences), found[-1][:2] if len(found) == BATCH_SIZE else None)


def sweep_dead_letters(age: Age) -> Iterator[int]:
    """Nobody needs one for longer."""
    return batches(partial(_delete_dead_letters, age))


def _delete_dead_letters(age: Age, _: bool | None) -> Step[bool]:
    with connection.cursor() as cursor:
        cursor.execute(_DELETE_DEAD_LETTERS, [age.cutoff, BATCH_SIZE])
        count = int(cursor.rowcount)
    return Step(count, True if count == BATCH_SIZE else None)
