"""Counting what triggers decided, for the lists and charts of Studio: one statement a batch."""

from collections.abc import Mapping
from datetime import datetime

from django.db import connection

from triggers.models import TALLIED

Counts = Mapping[tuple[str, str], int]
"""How often, by the trigger's id and the column of the tally."""

_COLUMNS = ", ".join(TALLIED)
_ADD = f"""
    INSERT INTO triggers_tally (trigger_id, hour, lane, {_COLUMNS})
    SELECT trigger_id, %s, %s, {_COLUMNS}
    FROM unnest(%s::text[], {", ".join(["%s::int[]"] * len(TALLIED))}) AS counted(trigger_id, {_COLUMNS})
    ON CONFLICT (trigger_id, hour, lane) DO UPDATE
    SET {", ".join(f"{name} = triggers_tally.{name} + excluded.{name}" for name in TALLIED)}
"""


def add_to_tally(counts: Counts, *, lane: int, now: datetime) -> None:
    """Adds `counts` to the hour of `now`. To be called under the lock of `lane`, so that nobody else has its rows."""
    if not counts:
        return
    hour = now.replace(minute=0, second=0, microsecond=0)
    trigger_ids = sorted({trigger_id for trigger_id, _ in counts})
    columns = [[counts.get((trigger_id, name), 0) for trigger_id in trigger_ids] for name in TALLIED]
    with connection.cursor() as cursor:
        cursor.execute(_ADD, [hour, lane, trigger_ids, *columns])
