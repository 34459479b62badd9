"""Firings, tallies and ended listeners go when they are past their age, firings as far as nobody needs them any more.

A firing stays, whatever its age, while its trigger's cooldown has not elapsed (cooldowns are rebuilt from firings when
Redis comes back empty), while a delivery of it is still to be sent, while its event waits or has failed (a second run
finds by it that the trigger has fired), and while an enrolment of it is under way.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import connection

from kaireon.core import retention
from kaireon.core.retention import BATCH_SIZE, Age, Step, batches

# The triggers of firings, those included that were deleted: one look into the index for each.
_TRIGGERS = """
    WITH RECURSIVE found(trigger_id) AS (
        (SELECT trigger_id FROM triggers_firing ORDER BY trigger_id LIMIT 1)
        UNION ALL
        SELECT (SELECT next.trigger_id FROM triggers_firing next
                 WHERE next.trigger_id > found.trigger_id ORDER BY next.trigger_id LIMIT 1)
          FROM found WHERE found.trigger_id IS NOT NULL
    )
    SELECT found.trigger_id FROM found WHERE found.trigger_id IS NOT NULL
"""
_COOLDOWN = "SELECT cooldown_ms FROM triggers_trigger WHERE id = %s"
_SELECT = """
    SELECT fired_at, id FROM triggers_firing firing
     WHERE trigger_id = %(trigger_id)s AND fired_at < %(cutoff)s
       AND fired_at >= %(fired_at)s AND (fired_at, id) > (%(fired_at)s, %(id)s)
       AND NOT EXISTS (SELECT FROM delivery_delivery delivery
                        WHERE delivery.firing_id = firing.id AND delivery.status IN ('pending', 'held'))
       AND NOT EXISTS (SELECT FROM events_event event
                        WHERE event.event_id = firing.event_id AND event.status <> 'processed')
       AND NOT EXISTS (SELECT FROM journeys_enrolment enrolment
                        WHERE enrolment.cause = firing.id AND enrolment.cause <> '' AND enrolment.status = 'active')
     ORDER BY fired_at, id
     LIMIT %(limit)s
       FOR UPDATE SKIP LOCKED
"""
_DELETE = "DELETE FROM triggers_firing WHERE id = ANY(%s)"

_DELETE_TALLIES = """
    DELETE FROM triggers_tally WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM triggers_tally WHERE is_firing IN (true, false) AND hour < %s LIMIT %s FOR UPDATE SKIP LOCKED
    ))
"""

_DELETE_ASKED = """
    DELETE FROM triggers_asked WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM triggers_asked WHERE hour < %s LIMIT %s FOR UPDATE SKIP LOCKED
    ))
"""
_DELETE_LISTENERS = """
    DELETE FROM triggers_listener WHERE id IN (
        SELECT id FROM triggers_listener WHERE ended_at < %s LIMIT %s FOR UPDATE SKIP LOCKED
    )
"""

CLOCK_TOLERANCE = timedelta(minutes=10)
"""Firings carry the Redis server's time; so much it may differ from ours."""

_BEGINNING = (datetime.min.replace(tzinfo=UTC), "")

_Position = tuple[datetime, str]


def register() -> None:
    """Adds the rules for firings, tallies and listeners."""
    retention.register(retention.Rule("firings", lambda: settings.RETENTION_DAYS["firings"], sweep))
    retention.register(retention.Rule("tallies", lambda: settings.RETENTION_DAYS["tallies"], sweep_tallies))
    retention.register(retention.Rule("listeners", _days_of_listeners, sweep_listeners))


def sweep(age: Age) -> Iterator[int]:
    """Deletes firings trigger by trigger, since each trigger has a cooldown of its own."""
    with connection.cursor() as cursor:
        cursor.execute(_TRIGGERS)
        trigger_ids = [row[0] for row in cursor.fetchall()]
    for trigger_id in trigger_ids:
        yield from batches(partial(_step, age, trigger_id))


def sweep_tallies(age: Age) -> Iterator[int]:
    """Deletes the tallies of hours that are over for as long. Nobody counts up in them any more."""
    over = age.cutoff - timedelta(hours=1)
    yield from batches(partial(_delete, _DELETE_TALLIES, over))
    yield from batches(partial(_delete, _DELETE_ASKED, over))


def sweep_listeners(age: Age) -> Iterator[int]:
    """Deletes versions of triggers that have listened to no event that is left, and to none that is in a tally."""
    return batches(partial(_delete, _DELETE_LISTENERS, age.cutoff))


def _days_of_listeners() -> int:
    """As long as events and tallies, whichever stay longer: both are read with their listeners."""
    days = (settings.RETENTION_DAYS["events"], settings.RETENTION_DAYS["tallies"])
    return max(days) if all(days) else 0


def _delete(statement: str, cutoff: datetime, after: bool | None) -> Step[bool]:
    with connection.cursor() as cursor:
        cursor.execute(statement, [cutoff, BATCH_SIZE])
        deleted = cursor.rowcount
    return Step(deleted, True if deleted == BATCH_SIZE else None)


def _step(age: Age, trigger_id: str, after: _Position | None) -> Step[_Position]:
    fired_at, firing_id = after or _BEGINNING
    with connection.cursor() as cursor:
        # Anew for each batch: it may have been made longer meanwhile.
        cursor.execute(_COOLDOWN, [trigger_id])
        row = cursor.fetchone()
        cooldown = timedelta(milliseconds=row[0] if row else 0)
        cursor.execute(
            _SELECT,
            {
                "trigger_id": trigger_id,
                "cutoff": min(age.cutoff, age.now - cooldown - CLOCK_TOLERANCE),
                "fired_at": fired_at,
                "id": firing_id,
                "limit": BATCH_SIZE,
            },
        )
        found: list[_Position] = cursor.fetchall()
        ids = [row[1] for row in found]
        cursor.execute(_DELETE, [ids])
    return Step(len(ids), found[-1] if len(found) == BATCH_SIZE else None)
