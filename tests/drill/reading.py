"""Reads what a drill has left behind out of the database and the receivers. Table by table, in plain SQL."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import psycopg

from tests.drill.checker import Record, StoredEvent, StoredFiring
from tests.drill.receivers import DrillReceiver
from tests.drill.scenery import EVENT_TYPE, SCHEMA
from tests.drill.stack import Stack

_Connection = psycopg.Connection[Any]

_WAITING = {
    "events wait": "SELECT count(*) FROM events_event WHERE status = 'pending'",
    "events were given up": "SELECT count(*) FROM events_event WHERE status = 'failed'",
    "deliveries wait": "SELECT count(*) FROM delivery_delivery WHERE status IN ('pending', 'held')",
    "journeys are under way": "SELECT count(*) FROM journeys_enrolment WHERE status = 'active'",
    "messages of the stream were given up": "SELECT count(*) FROM events_streamdeadletter",
}
_UNSEALED = "SELECT max(id) > coalesce((SELECT max(last_id) FROM audit_seal), 0) FROM audit_entry"


def waiting(database: _Connection) -> Counter[str]:
    """What is still to be done, or was given up."""
    counts = {name: _number(database, statement) for name, statement in _WAITING.items()}
    return Counter({name: count for name, count in counts.items() if count})


def is_quiet(stack: Stack) -> bool:
    """Whether nothing is left to be done, and the audit log is sealed to its end."""
    with stack.database() as database:
        if waiting(database).keys() - {"events were given up", "messages of the stream were given up"}:
            return False
        row = database.execute(_UNSEALED).fetchone()
        return row is not None and not row[0]


def read(stack: Stack, receivers: Sequence[DrillReceiver]) -> Record:
    """All of it, once the stack is quiet or patience has ended."""
    with stack.database() as database:
        return Record(
            events=_events(database),
            firings=_firings(database),
            attributes=dict(
                database.execute(
                    "SELECT customer_id, attributes FROM customers_record WHERE schema_id = %s", [SCHEMA]
                ).fetchall()
            ),
            updates=_count(
                database,
                "SELECT cause FROM events_event WHERE event_type = 'customer.updated' AND starts_with(cause, 'fir_')",
            ),
            enrolments=_count(database, "SELECT cause FROM journeys_enrolment"),
            enrolments_completed=_count(database, "SELECT cause FROM journeys_enrolment WHERE status = 'completed'"),
            recommendations=_count(database, "SELECT cause FROM decisioning_recommendation"),
            messages=_count(database, "SELECT cause FROM decisioning_inboxmessage"),
            deliveries=_count(database, "SELECT firing_id FROM delivery_delivery"),
            delivered=set(_count(database, "SELECT firing_id FROM delivery_delivery WHERE status = 'delivered'")),
            dead=set(_count(database, "SELECT firing_id FROM delivery_delivery WHERE status = 'dead'")),
            answered=set[str]().union(*(receiver.answered for receiver in receivers)),
            seen=set[str]().union(*(receiver.seen for receiver in receivers)),
            audited=_count(database, "SELECT subject FROM audit_entry WHERE action = 'trigger.fired'"),
            waiting=waiting(database),
        )


def moments_of_processing(database: _Connection, since: datetime) -> list[datetime]:
    """When batches of events were processed, from `since` on."""
    return _moments(
        database,
        "SELECT DISTINCT processed_at FROM events_event WHERE event_type = %s AND processed_at >= %s ORDER BY 1",
        [EVENT_TYPE, since],
    )


def moments_of_delivery(database: _Connection, since: datetime, *, port: int | None = None) -> list[datetime]:
    """When attempts that began after `since` were answered with 2xx; by the receiver on `port`, or by any."""
    return _moments(
        database,
        "SELECT started_at + make_interval(secs => duration_ms / 1000) FROM delivery_attempt attempt"
        " JOIN delivery_delivery delivery ON delivery.id = attempt.delivery_id"
        " WHERE started_at >= %s AND response_status BETWEEN 200 AND 299 AND host LIKE %s ORDER BY 1",
        [since, f"%:{port}" if port else "%"],
    )


def longest_wait_seconds(database: _Connection, *, port: int) -> float:
    """The longest time from the making of a delivery to the receiver on `port` until its first attempt."""
    row = database.execute(
        "SELECT coalesce(extract(epoch FROM max(started_at - created_at)), 0) FROM delivery_attempt attempt"
        " JOIN delivery_delivery delivery ON delivery.id = attempt.delivery_id"
        " WHERE number = 1 AND host LIKE %s",
        [f"%:{port}"],
    ).fetchone()
    return float(row[0]) if row else 0.0


def _events(database: _Connection) -> list[StoredEvent]:
    rows = database.execute(
        "SELECT event_id, sequence, lane, status, attempts, received_at, processed_at, decisions FROM events_event"
        " WHERE event_type = %s",
        [EVENT_TYPE],
    )
    return [
        StoredEvent(
            event_id=row[0],
            sequence=row[1],
            lane=row[2],
            status=row[3],
            attempts=row[4],
            received_at=row[5],
            processed_at=row[6],
            # A line without a trigger stands for all whose conditions did not hold.
            decisions={line["triggerId"]: line for line in row[7] if "triggerId" in line},
        )
        for row in rows
    ]


def _firings(database: _Connection) -> list[StoredFiring]:
    rows = database.execute("SELECT id, trigger_id, event_id, outcome, detail, fired_at FROM triggers_firing")
    return [
        StoredFiring(
            firing_id=row[0], trigger_id=row[1], event_id=row[2], outcome=row[3], detail=row[4], fired_at=row[5]
        )
        for row in rows
    ]


def _count(database: _Connection, statement: str) -> Counter[str]:
    return Counter(row[0] for row in database.execute(statement))


def _number(database: _Connection, statement: str) -> int:
    row = database.execute(statement).fetchone()
    return int(row[0]) if row else 0


def _moments(database: _Connection, statement: str, parameters: Sequence[Any]) -> list[datetime]:
    return [row[0] for row in database.execute(statement, parameters)]
