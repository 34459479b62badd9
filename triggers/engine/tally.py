"""Counting what triggers decided, for the lists and charts of Studio: one statement a batch."""

from collections.abc import Mapping
from datetime import datetime

from django.db import connection
from psycopg import Cursor

from triggers.models import TALLIED, TALLIED_FIRINGS

Counts = Mapping[tuple[str, str], int]
"""How often, by the trigger's id and the column of the tally."""

_FIRINGS = frozenset(TALLIED_FIRINGS)
_COLUMNS = ", ".join(TALLIED)
_ADD = f"""
    WITH tallied AS (
        INSERT INTO triggers_tally (trigger_id, is_firing, hour, lane, {_COLUMNS})
        SELECT trigger_id, is_firing, %(hour)s, %(lane)s, {_COLUMNS}
        FROM unnest(%(trigger_ids)s::text[], %(kinds)s::boolean[],
                    {", ".join(f"%({name})s::int[]" for name in TALLIED)})
            AS counted(trigger_id, is_firing, {_COLUMNS})
        ON CONFLICT (trigger_id, is_firing, hour, lane) DO UPDATE
        SET {", ".join(f"{name} = triggers_tally.{name} + excluded.{name}" for name in TALLIED)}
    )
    INSERT INTO triggers_asked (event_type, hour, state, lane, events)
    SELECT event_type, %(hour)s, %(state)s, %(lane)s, events
    FROM unnest(%(types)s::text[], %(asked)s::int[]) AS counted(event_type, events)
    ON CONFLICT (event_type, hour, state, lane) DO UPDATE SET events = triggers_asked.events + excluded.events
"""


def add_to_tallies(decided: Counts, asked: Mapping[str, int], *, state: int, lane: int, now: datetime) -> None:
    """Adds to the hour of `now` what was decided, and of how many events of each type the listeners of `state` were
    asked. To be called under the lock of `lane`, so that nobody else has its rows.
    """
    if not decided and not asked:
        return
    rows = sorted({(trigger_id, name in _FIRINGS) for trigger_id, name in decided})
    columns = {
        name: [
            decided.get((trigger_id, name), 0) if is_firing == (name in _FIRINGS) else 0
            for trigger_id, is_firing in rows
        ]
        for name in TALLIED
    }
    types = sorted(asked)
    # Prepared, which Django's cursor never does: for one event planning takes longer than carrying out.
    with connection.wrap_database_errors, Cursor(connection.connection) as cursor:
        cursor.execute(
            _ADD,
            {
                "hour": now.replace(minute=0, second=0, microsecond=0),
                "lane": lane,
                "state": state,
                "trigger_ids": [trigger_id for trigger_id, _ in rows],
                "kinds": [is_firing for _, is_firing in rows],
                **columns,
                "types": types,
                "asked": [asked[event_type] for event_type in types],
            },
        )
