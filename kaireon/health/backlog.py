"""What waits, read so that it costs the same with ten rows as with ten million.

Every statement enters an index that holds nothing but what waits (or has failed), and stops counting at a limit.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from kaireon.delivery.models import Status
from kaireon.events.models import LANE_COUNT

MOST_PER_LANE = 10_000
MOST = 100_000
"""Nothing is counted further: a queue of this length, or of ten times it, calls for the same."""

# One look into the index of waiting events for each lane. Without that order, or by another one, PostgreSQL might walk
# through all processed events (see the index in events.models).
_LANES = """
    SELECT lane, waiting.events, untried.received_at
      FROM generate_series(0, %(last)s) AS lane
     CROSS JOIN LATERAL (
        SELECT count(*) AS events
          FROM (SELECT FROM events_event
                 WHERE events_event.lane = lane.lane AND status = 'pending'
                 ORDER BY lane, sequence + 0 LIMIT %(most)s) AS few
     ) waiting
      LEFT JOIN LATERAL (
        SELECT received_at FROM events_event
         WHERE events_event.lane = lane.lane AND status = 'pending' AND attempts = 0
         ORDER BY lane, sequence + 0 LIMIT 1
     ) untried ON true
     ORDER BY lane
"""
_FAILED = "SELECT count(*) FROM (SELECT FROM events_event WHERE status = 'failed' LIMIT %(most)s) AS few"
_DELIVERIES = """
    SELECT count(*) FROM (SELECT FROM delivery_delivery
                           WHERE status = %(status)s AND status <> 'delivered' LIMIT %(most)s) AS few
"""
_PENDING_DELIVERIES = """
    SELECT count(*) FROM (SELECT FROM delivery_delivery WHERE status = 'pending' LIMIT %(most)s) AS few
"""
# The newest entry's id less the last one that is sealed; ids that were rolled back count as well.
_UNSEALED = """
    SELECT greatest(0, coalesce((SELECT id FROM audit_entry ORDER BY id DESC LIMIT 1), 0)
                     - coalesce((SELECT last_id FROM audit_seal ORDER BY number DESC LIMIT 1), 0))
"""
_OPEN_CIRCUITS = "SELECT count(*) FROM delivery_circuit WHERE opened_at IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Lane:
    """`waiting` events, at most MOST_PER_LANE; the age of the oldest that was not tried yet, 0 where there is none."""

    number: int
    waiting: int
    oldest_seconds: float


def lanes(*, now: datetime, most: int = MOST_PER_LANE) -> list[Lane]:
    """All lanes in order. Raises DatabaseError."""
    with connection.cursor() as cursor:
        cursor.execute(_LANES, {"last": LANE_COUNT - 1, "most": most})
        return [
            Lane(number, waiting, 0.0 if oldest is None else max(0.0, (now - oldest).total_seconds()))
            for number, waiting, oldest in cursor.fetchall()
        ]


def lag_seconds(*, now: datetime) -> float:
    """How long the oldest event that was not tried yet has been waiting. Raises DatabaseError."""
    return max(lane.oldest_seconds for lane in lanes(now=now, most=0))


def failed_events() -> int:
    """At most MOST. Raises DatabaseError."""
    return _count(_FAILED)


def deliveries(status: Status) -> int:
    """Those that are pending, held or dead: at most MOST. Raises DatabaseError."""
    return _count(_PENDING_DELIVERIES if status is Status.PENDING else _DELIVERIES, status=status.value)


def open_circuits() -> int:
    """Receivers that are sent nothing but probes. Raises DatabaseError."""
    return _count(_OPEN_CIRCUITS)


def unsealed_entries() -> int:
    """How far the sealing of the audit log is behind, about. Raises DatabaseError."""
    return _count(_UNSEALED)


def _count(statement: str, **parameters: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, {**parameters, "most": MOST})
        row = cursor.fetchone()
    return int(row[0]) if row else 0
