"""Enrolments that have ended go when they are past their age; while one is under way, what it came of stays."""

from collections.abc import Collection, Iterator
from functools import partial

from django.conf import settings
from django.db import connection

from kaireon.core import retention
from kaireon.core.ids import first_id_at
from kaireon.core.retention import BATCH_SIZE, Age, Step, batches
from kaireon.journeys.enrolling import ID_PREFIX
from kaireon.journeys.models import Enrolment, EnrolmentStatus

# By the primary key, which sorts by the start; what has ended before the cutoff has begun before it.
_SELECT = """
    SELECT id, status <> 'active' AND completed_at < %(cutoff)s FROM journeys_enrolment
     WHERE id > %(after)s AND id < %(end)s
     ORDER BY id
     LIMIT %(limit)s
"""
_DELETE = """
    DELETE FROM journeys_enrolment WHERE id IN (
        SELECT id FROM journeys_enrolment
         WHERE id = ANY(%s) AND status <> 'active' AND completed_at < %s ORDER BY id
           FOR UPDATE SKIP LOCKED)
"""


def register() -> None:
    """Adds the rule for enrolments."""
    retention.register(retention.Rule("enrolments", lambda: settings.RETENTION_DAYS["enrolments"], sweep))


def sweep(age: Age) -> Iterator[int]:
    """Deletes enrolments, those first that began first."""
    return batches(partial(_step, age))


def _step(age: Age, after: str | None) -> Step[str]:
    end = first_id_at(ID_PREFIX, age.cutoff)
    with connection.cursor() as cursor:
        cursor.execute(_SELECT, {"cutoff": age.cutoff, "after": after or "", "end": end, "limit": BATCH_SIZE})
        found: list[tuple[str, bool]] = cursor.fetchall()
        cursor.execute(_DELETE, [[row_id for row_id, has_ended in found if has_ended], age.cutoff])
        count = int(cursor.rowcount)
    return Step(count, found[-1][0] if len(found) == BATCH_SIZE else None)


def causes_under_way(causes: Collection[str]) -> Collection[str]:
    """Those of `causes`, ids of events or firings, of which an enrolment came that is under way."""
    active = Enrolment.objects.filter(status=EnrolmentStatus.ACTIVE, cause__in=causes).exclude(cause="")
    return set(active.values_list("cause", flat=True))


def enrolments_under_way(ids: Collection[str]) -> Collection[str]:
    """Those of `ids` that are enrolments under way."""
    active = Enrolment.objects.filter(pk__in=ids, status=EnrolmentStatus.ACTIVE)
    return set(active.values_list("pk", flat=True))
