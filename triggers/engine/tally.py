"""Counting what triggers decided, for the lists and charts of Studio: one statement a batch."""

from collections.abc import Mapping
from datetime import datetime

from django.db import connection

from triggers.models import TALLIED, TALLIED_FIRINGS

Counts = Mapping[tuple[str, str], int]
"""How often, by the trigger's id and the column of the tally."""

_FIRINGS = frozenset(TALLIED_FIRINGS)
_COLUMNS = ", ".join(TALLIED)
_ADD = f"""
    INSERT INTO triggers_tally (trigger_id, is_firing, hour, lane, {_COLUMNS})
    SELECT trigger_id, is_firing, %s, %s, {_COLUMNS}
    FROM unnest(%s::text[], %s::boolean[], {", ".join(["%s::int[]"] * len(TALLIED))})
        AS counted(trigger_id, is_firing, {_COLUMNS})
    ON CONFLICT (trigger_id, is_firing, hour, lane) DO UPDATE
    SET {", ".join(f"{name} = triggers_tally.{name} + excluded.{name}" for name in TALLIED)}
"""

_ADD_ASKED = """
    INSERT INTO triggers_asked (event_type, hour, state, lane, events)
    SELECT event_type, %s, %s, %s, events FROM unnest(%s::text[], %s::int[]) AS counted(event_type, events)
    ON CONFLICT (event_type, hour, state, lane) DO UPDATE SET events = triggers_asked.events + excluded.events
"""


def add_to_tally(counts: Counts, *, lane: int, now: datetime) -> None:
    """Adds `counts` to the hour of `now`. To be called under the lock of `lane`, so that nobody else has its rows."""
    if not counts:
        return
    hour = _hour(now)
    rows = sorted({(trigger_id, name in _FIRINGS) for trigger_id, name in counts})
    columns = [
        [counts.get((trigger_id, name), 0) if is_firing == (name in _FIRINGS) else 0 for trigger_id, is_firing in rows]
        for name in TALLIED
    ]
    trigger_ids, kinds = [trigger_id for trigger_id, _ in rows], [is_firing for _, is_firing in rows]
    with connection.cursor() as cursor:
        cursor.execute(_ADD, [hour, lane, trigger_ids, kinds, *columns])


def count_asked(events: Mapping[str, int], *, state: int, lane: int, now: datetime) -> None:
    """Adds so many events of each type to those that the listeners of `state` were asked about; as above."""
    types = sorted(events)
    if not types:
        return
    with connection.cursor() as cursor:
        cursor.execute(_ADD_ASKED, [_hour(now), state, lane, types, [events[event_type] for event_type in types]])


def _hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0)
