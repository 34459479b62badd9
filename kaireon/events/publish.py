"""Writing events: one statement for all of them, in the caller's transaction where there is one; workers are woken when
it commits."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.db import connection, transaction

from kaireon.core.copy_rows import copy_rows
from kaireon.core.ids import time_ordered_ids
from kaireon.core.json_values import encode
from kaireon.events import consumers, telling
from kaireon.events.lanes import lane_of, wake
from kaireon.events.models import Event, EventStatus


class NewEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event that is to be stored. Without an id it gets a generated one; without a moment, the present one."""

    event_type: str
    customer_id: str | None
    properties: Mapping[str, Any]
    source: str
    event_id: str | None = None
    occurred_at: datetime | None = None
    cause: str = ""
    depth: int = 0


class Accepted(msgspec.Struct, frozen=True):
    """What became of one event: `duplicate` where its id was there already, and then nothing was changed."""

    event_id: str
    event_type: str
    is_duplicate: bool


Row = tuple[Any, ...]
"""A new event's row: a value for each of COLUMNS."""
COLUMNS = (
    "event_id",
    "event_type",
    "customer_id",
    "occurred_at",
    "received_at",
    "properties",
    "source",
    "cause",
    "depth",
    "lane",
    "status",
    "processed_at",
)
_NAMES = ", ".join(COLUMNS)


def insert_statement(rows: str) -> str:
    """SQL that stores the rows whose ids are not there yet, and gives those ids; `rows` is SQL for text of `as_json`.

    Rows are numbered in the order in which they were given, and inserted in the order of their ids: two requests that
    carry the same ids in another order would else wait for each other for ever.
    """
    return f"""
        WITH numbered AS MATERIALIZED (
            SELECT nextval(pg_get_serial_sequence('events_event', 'sequence')) AS number, {_NAMES}
            FROM json_populate_recordset(NULL::events_event, ({rows})::json)
        )
        INSERT INTO events_event (sequence, {_NAMES})
        SELECT number, {_NAMES} FROM numbered ORDER BY event_id, number
        ON CONFLICT (event_id) DO NOTHING
        RETURNING event_id
    """


_INSERT = insert_statement("%s")


def publish(
    events: Sequence[NewEvent],
    *,
    now: datetime,
    settle_unheard: bool = False,
    insert: Callable[[Sequence[Row]], set[str]] | None = None,
) -> list[Accepted]:
    """Stores `events` in their order and says of each whether it is new, in one statement.

    A customer's events are processed in the order of their arrival, whatever their own timestamps say. With
    `settle_unheard`, those of types that nobody listens to are stored as processed: a worker would find nothing to do.
    It costs a look at what there are listeners for, which pays where many events are published at once. Who begins to
    listen after `now` comes too late for them. `insert` stores rows in the place of this module's own statements, and
    says which ids were not there yet.
    """
    if not events:
        return []
    unheard = consumers.unheard({event.event_type for event in events}) if settle_unheard else set()
    made_up = iter(time_ordered_ids("evt_", sum(not event.event_id for event in events)))
    ids = [event.event_id or next(made_up) for event in events]
    lanes = [
        lane_of(customer_id=event.customer_id, event_id=event_id) for event, event_id in zip(events, ids, strict=True)
    ]
    received_at = now.isoformat()
    pending, processed = EventStatus.PENDING.value, EventStatus.PROCESSED.value
    rows = [
        (
            event_id,
            event.event_type,
            event.customer_id,
            received_at if event.occurred_at is None else event.occurred_at.isoformat(),
            received_at,
            event.properties,
            event.source,
            event.cause,
            event.depth,
            lane,
            processed if event.event_type in unheard else pending,
            received_at if event.event_type in unheard else None,
        )
        for event, event_id, lane in zip(events, ids, lanes, strict=True)
    ]
    if insert is not None:
        stored = insert(rows)
    elif any(event.event_id for event in events):
        stored = _insert_new(rows)
    else:
        # Nobody has ids that were just made up, and COPY takes two thirds of the time.
        copy_rows(Event, COLUMNS, rows)
        stored = set(ids)
    results = []
    waiting: Counter[int] = Counter()
    sources: Counter[str] = Counter()
    for event, event_id, lane in zip(events, ids, lanes, strict=True):
        is_new = event_id in stored
        if is_new:
            stored.discard(event_id)
            if event.event_type not in unheard:
                waiting[lane] += 1
            sources[event.source] += 1
        results.append(Accepted(event_id, event.event_type, not is_new))
    if waiting:
        transaction.on_commit(lambda: wake(waiting))
    told = [(one.event_id, one.event_type, one.is_duplicate) for one in results]
    transaction.on_commit(lambda: telling.stored(told, sources=sources, settled=unheard), robust=True)
    return results


def _insert_new(rows: Sequence[Row]) -> set[str]:
    """Stores the rows whose ids are not there yet, and says which those are."""
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [as_json(rows)])
        return {row[0] for row in cursor.fetchall()}


def as_json(rows: Sequence[Row]) -> str:
    """The rows as an array of objects, each with the names of its columns."""
    return encode([dict(zip(COLUMNS, row, strict=True)) for row in rows]).decode()
