"""Who is in which segment, kept in step with the records in the transactions that change them.

A membership says what its segment's criteria said of the customer's record when that was last looked at. Whoever looks
holds the record's lock (who has just inserted it holds it as well), so that nobody else writes the same membership.

Criteria change and segments go while records are written. Every writer of records holds a shared advisory lock of the
schema, taken before any record's lock, and reads the segments only when it has both:

* a segment is deleted under the exclusive lock, so nobody adds members to it any more;
* before new criteria are tried on the stored records, the exclusive lock is taken and let go of (see `reevaluation`).
  From then on every record is either there to be found, or its writer has read the new criteria.

An advisory lock queues fairly, which a row's lock FOR KEY SHARE does not: a steady stream of writers could keep a
segment from ever being changed.
"""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from kaireon.conditions import Predicate
from kaireon.customers.criteria import compiled
from kaireon.events.publish import NewEvent

SOURCE = "segments"
# The first of the two numbers of the advisory lock; the second is made of the schema's id.
_LOCK_SPACE = 0x7365_6700

HOLD_SEGMENTS = "SELECT pg_advisory_xact_lock_shared(%s, %s)"
"""Takes `lock_numbers`."""
_HOLD_ALONE = "SELECT pg_advisory_xact_lock(%s, %s)"
SELECT_SEGMENTS = "SELECT id, name, criteria::text FROM customers_segment WHERE schema_id = %s ORDER BY id"
_MEMBERSHIPS = """
    SELECT customer_id, segment_id FROM customers_membership
    WHERE customer_id = ANY(%s::text[]) AND segment_id = ANY(%s::text[])
"""
_INSERT = """
    INSERT INTO customers_membership (segment_id, customer_id, entered_at)
    SELECT segment_id, customer_id, %s FROM unnest(%s::text[], %s::text[]) AS given(segment_id, customer_id)
"""
_DELETE = """
    DELETE FROM customers_membership
    USING unnest(%s::text[], %s::text[]) AS given(segment_id, customer_id)
    WHERE customers_membership.segment_id = given.segment_id
      AND customers_membership.customer_id = given.customer_id
"""

Pair = tuple[str, str]
"""Segment id, customer id."""


@dataclass(frozen=True, slots=True)
class RecordChange:
    """A record as it is from now on; None where it is gone. `cause` and `depth` are those of the event that tells."""

    customer_id: str
    attributes: Mapping[str, Any] | None
    cause: str = ""
    depth: int = 0


@dataclass(frozen=True, slots=True)
class ActiveSegment:
    """A segment, ready to be asked. `holds` is None where its criteria can't be compiled."""

    id: str
    name: str
    schema_id: str
    holds: Predicate | None


@dataclass(slots=True)
class Moves:
    """Who enters and who exits."""

    entered: list[Pair] = field(default_factory=list)
    exited: list[Pair] = field(default_factory=list)

    def write(self, *, now: datetime) -> None:
        """One statement for each kind."""
        with connection.cursor() as cursor:
            if self.entered:
                cursor.execute(_INSERT, [now, *_columns(self.entered)])
            if self.exited:
                cursor.execute(_DELETE, _columns(self.exited))


def hold_segments(schema_id: str) -> None:
    """To be called before a record of the schema is locked or inserted whose memberships will be kept up.

    Until the transaction ends no segment of the schema is deleted.
    """
    with connection.cursor() as cursor:
        cursor.execute(HOLD_SEGMENTS, lock_numbers(schema_id))


def hold_segments_alone(schema_id: str) -> None:
    """The same with nobody else at it: waits until all who change records of the schema are done, and holds up new ones
    until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(_HOLD_ALONE, lock_numbers(schema_id))


def lock_numbers(schema_id: str) -> list[int]:
    """The two numbers of the schema's advisory lock."""
    return [_LOCK_SPACE, zlib.crc32(schema_id.encode()) - 2**31]


def follow(
    schema_id: str,
    changes: Sequence[RecordChange],
    *,
    now: datetime,
    segments: Sequence[ActiveSegment] | None = None,
) -> list[list[NewEvent]]:
    """Brings the memberships in step with `changes` of records, and gives the events that tell of it, change by change.

    The caller holds the records' locks and `hold_segments`, and publishes the events in the same transaction. A record
    that changes twice enters and exits twice, as if each change had come alone. Four statements at most, one less
    where the caller has read the `segments` under those locks already.
    """
    if segments is None:
        segments = _segments(schema_id) if changes else ()
    if not segments:
        return [[] for _ in changes]
    before = current_pairs({change.customer_id for change in changes}, [segment.id for segment in segments])
    pairs = set(before)
    events = [list(_step(change, segments, pairs)) for change in changes]
    Moves(entered=sorted(pairs - before), exited=sorted(before - pairs)).write(now=now)
    return events


def current_pairs(customer_ids: Iterable[str], segment_ids: Iterable[str]) -> set[Pair]:
    """The memberships that there are of these customers in these segments."""
    with connection.cursor() as cursor:
        cursor.execute(_MEMBERSHIPS, [list(customer_ids), list(segment_ids)])
        return {(row[1], row[0]) for row in cursor.fetchall()}


def membership_event(
    segment: ActiveSegment, customer_id: str, *, is_member: bool, cause: str = "", depth: int = 0
) -> NewEvent:
    """`segment.entered` or `segment.exited`."""
    return NewEvent(
        event_type="segment.entered" if is_member else "segment.exited",
        customer_id=customer_id,
        properties={"segmentId": segment.id, "segmentName": segment.name, "schemaId": segment.schema_id},
        source=SOURCE,
        cause=cause,
        depth=depth,
    )


def _step(change: RecordChange, segments: Iterable[ActiveSegment], pairs: set[Pair]) -> Iterable[NewEvent]:
    """What one change does to `pairs`, the memberships so far."""
    document = {"customer": change.attributes}
    for segment in segments:
        if change.attributes is None:
            is_member = False
        elif segment.holds is None:
            continue
        else:
            is_member = segment.holds(document)
        pair = (segment.id, change.customer_id)
        if is_member == (pair in pairs):
            continue
        if is_member:
            pairs.add(pair)
        else:
            pairs.remove(pair)
        yield membership_event(segment, change.customer_id, is_member=is_member, cause=change.cause, depth=change.depth)


def _segments(schema_id: str) -> list[ActiveSegment]:
    with connection.cursor() as cursor:
        cursor.execute(SELECT_SEGMENTS, [schema_id])
        return segments_of(schema_id, cursor.fetchall())


def segments_of(schema_id: str, rows: Iterable[Sequence[str]]) -> list[ActiveSegment]:
    """From what SELECT_SEGMENTS gives."""
    return [ActiveSegment(row[0], row[1], schema_id, compiled(row[2])) for row in rows]


def _columns(pairs: Sequence[Pair]) -> list[list[str]]:
    return [[pair[0] for pair in pairs], [pair[1] for pair in pairs]]
