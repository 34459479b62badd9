"""Recommendations, outcomes and messages of the inbox go when they are past their age.

Their ids sort by time, so the primary key finds the old ones. A recommendation that a journey under way asked for
stays; an outcome that names one which is gone is refused.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial

from django.conf import settings
from django.db import connection

from kaireon.core import retention
from kaireon.core.ids import first_id_at
from kaireon.core.retention import BATCH_SIZE, Age, Step, batches

Keeper = Callable[[Collection[str]], Collection[str]]
"""Takes causes of recommendations that are past their age, and answers with those that are still under way."""

_keepers: dict[str, Keeper] = {}


@dataclass(frozen=True, slots=True)
class _Kind:
    """A table whose ids are time-ordered. `cause` is an expression for what a row came of."""

    name: str
    table: str
    prefix: str
    at: str
    cause: str = "''"


_KINDS = (
    _Kind("recommendations", "decisioning_recommendation", "rec_", "created_at", "cause"),
    _Kind("outcomes", "decisioning_interaction", "int_", "recorded_at"),
    _Kind("messages", "decisioning_inboxmessage", "msg_", "created_at"),
)


def keep(name: str, keeper: Keeper) -> None:
    """Lets a package that knows more than this one keep recommendations. The same name again replaces it."""
    _keepers[name] = keeper


def register() -> None:
    """Adds a rule for each kind of row."""
    for kind in _KINDS:
        retention.register(retention.Rule(kind.name, partial(_days, kind.name), partial(_sweep, kind)))


def _days(name: str) -> int:
    return settings.RETENTION_DAYS[name]


def _sweep(kind: _Kind, age: Age) -> Iterator[int]:
    return batches(partial(_step, kind, age))


def _step(kind: _Kind, age: Age, after: str | None) -> Step[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT id, {kind.cause} FROM {kind.table}
             WHERE id > %s AND id < %s AND {kind.at} < %s
             ORDER BY id
             LIMIT %s
               FOR UPDATE SKIP LOCKED
            """,
            [after or "", first_id_at(kind.prefix, age.cutoff), age.cutoff, BATCH_SIZE],
        )
        found: list[tuple[str, str]] = cursor.fetchall()
        causes = {cause for _, cause in found if cause}
        under_way = {cause for keeper in _keepers.values() for cause in keeper(causes)} if causes else set()
        ids = [row_id for row_id, cause in found if cause not in under_way]
        cursor.execute(f"DELETE FROM {kind.table} WHERE id = ANY(%s)", [ids])
    return Step(len(ids), found[-1][0] if len(found) == BATCH_SIZE else None)
