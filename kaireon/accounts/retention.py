"""Sessions that have expired go the day after."""

from collections.abc import Iterator
from functools import partial

from django.db import connection

from kaireon.core import retention
from kaireon.core.retention import BATCH_SIZE, Age, Step, batches

_DELETE = """
    DELETE FROM django_session WHERE session_key IN (
        SELECT session_key FROM django_session WHERE expire_date < %s ORDER BY expire_date LIMIT %s
           FOR UPDATE SKIP LOCKED)
"""


def register() -> None:
    """Adds the rule; no setting is needed for what nobody can use any more."""
    retention.register(retention.Rule("sessions", lambda: 1, sweep))


def sweep(age: Age) -> Iterator[int]:
    """Deletes sessions that expired before the cutoff."""
    return batches(partial(_step, age))


def _step(age: Age, _: bool | None) -> Step[bool]:
    with connection.cursor() as cursor:
        cursor.execute(_DELETE, [age.cutoff, BATCH_SIZE])
        count = int(cursor.rowcount)
    return Step(count, True if count == BATCH_SIZE else None)
