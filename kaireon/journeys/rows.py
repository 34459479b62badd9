"""Rows of enrolments, many in one statement, in the caller's transaction."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from kaireon.core.clock import iso
from kaireon.core.json_values import decode, encode
from kaireon.journeys.traveller import Traveller

BATCH_SIZE = 500
MAX_HISTORY = 200
"""Lines of history that an enrolment keeps, the newest: one that waits in circles would else grow without end."""

_COLUMNS = """
    id, journey_id, customer_id, current_node, started_at, expires_at, resume_at, waiting_for, resumed_by, steps,
    event::text, recommendation::text, depth
"""
_TAKE_DUE = f"""
    SELECT {_COLUMNS} FROM journeys_enrolment
    WHERE journey_id = %s AND status = 'active' AND resume_at <= %s
    ORDER BY resume_at, id
    LIMIT %s
    FOR UPDATE SKIP LOCKED
"""
# In the order of their ids, so that two who take several wait for each other only one way round.
_TAKE_WAITING = f"""
    SELECT {_COLUMNS} FROM journeys_enrolment
    WHERE status = 'active' AND waiting_for <> '' AND customer_id = ANY(%s::text[]) AND waiting_for = ANY(%s::text[])
    ORDER BY id
    FOR UPDATE
"""
_TAKE_ONE = f"SELECT {_COLUMNS} FROM journeys_enrolment WHERE id = %s AND status = 'active' FOR UPDATE"
_SAVE = f"""
    UPDATE journeys_enrolment AS enrolment
    SET status = moved.status, reason = moved.reason, current_node = moved.current_node, resume_at = moved.resume_at,
        waiting_for = moved.waiting_for, resumed_by = '', completed_at = moved.completed_at, steps = moved.steps,
        depth = moved.depth, recommendation = COALESCE(moved.recommendation, enrolment.recommendation),
        history = jsonb_path_query_array(enrolment.history || moved.history, '$[last - {MAX_HISTORY - 1} to last]')
    FROM jsonb_to_recordset(%s::jsonb)
         AS moved(id text, status text, reason text, current_node text, resume_at timestamptz, waiting_for text,
                  completed_at timestamptz, steps int, depth smallint, recommendation jsonb, history jsonb)
    WHERE enrolment.id = moved.id
"""
_MARK_RESUMED = """
    UPDATE journeys_enrolment AS enrolment
    SET event = resumed.event, depth = resumed.depth, resumed_by = resumed.resumed_by, resume_at = %s, waiting_for = ''
    FROM jsonb_to_recordset(%s::jsonb) AS resumed(id text, event jsonb, depth smallint, resumed_by text)
    WHERE enrolment.id = resumed.id
"""

_END = """
    UPDATE journeys_enrolment
    SET status = 'exited', reason = %s, completed_at = %s, resume_at = NULL, waiting_for = '', resumed_by = '',
        history = history || jsonb_build_array(%s::jsonb || jsonb_build_object('node', current_node))
    WHERE id = ANY(%s::text[]) AND status = 'active'
"""


def take_due(*, journey_id: str, now: datetime, limit: int = BATCH_SIZE) -> list[Traveller]:
    """Up to `limit` enrolments whose wait is over, the longest overdue first, locked. What others have is left."""
    return _travellers(_TAKE_DUE, [journey_id, now, limit])


def take_waiting(*, customer_ids: Collection[str], event_types: Collection[str]) -> list[Traveller]:
    """The enrolments of these customers that wait for an event of these types, locked; waits for others to let go."""
    return _travellers(_TAKE_WAITING, [list(customer_ids), list(event_types)])


def take_one(enrolment_id: str) -> list[Traveller]:
    """That enrolment, locked; none where it has ended."""
    return _travellers(_TAKE_ONE, [enrolment_id])


def mark_resumed(travellers: Sequence[Traveller], *, now: datetime) -> None:
    """Notes that their event has come: they are due from now on, whoever takes them up."""
    rows = [{"id": one.id, "event": one.event, "depth": one.depth, "resumed_by": one.resumed_by} for one in travellers]
    with connection.cursor() as cursor:
        cursor.execute(_MARK_RESUMED, [now, encode(rows).decode()])


def save(travellers: Sequence[Traveller]) -> None:
    """Writes where they have come to."""
    rows = [
        {
            "id": one.id,
            "status": str(one.status),
            "reason": one.reason,
            "current_node": one.node,
            "resume_at": one.resume_at,
            "waiting_for": one.waiting_for,
            "completed_at": one.completed_at,
            "steps": one.steps,
            "depth": one.depth,
            "recommendation": one.recommendation if one.recommendation_is_new else None,
            "history": one.notes,
        }
        for one in travellers
    ]
    with connection.cursor() as cursor:
        cursor.execute(_SAVE, [encode(rows).decode()])
    for one in travellers:
        one.notes = []
        one.recommendation_is_new = False


def end(enrolment_ids: Sequence[str], *, reason: str, now: datetime) -> None:
    """Ends those that are active from outside, whatever they wait for. No event tells of it."""
    if not enrolment_ids:
        return
    note = encode({"at": iso(now), "result": "exited", "reason": reason}).decode()
    with connection.cursor() as cursor:
        cursor.execute(_END, [reason, now, note, list(enrolment_ids)])


def _travellers(statement: str, parameters: Sequence[Any]) -> list[Traveller]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return [
            Traveller(
                id=row[0],
                journey_id=row[1],
                customer_id=row[2],
                node=row[3],
                started_at=row[4],
                expires_at=row[5],
                resume_at=row[6],
                waiting_for=row[7],
                resumed_by=row[8],
                steps=row[9],
                event=decode(row[10].encode()),
                recommendation=None if row[11] is None else decode(row[11].encode()),
                depth=row[12],
            )
            for row in cursor.fetchall()
        ]
