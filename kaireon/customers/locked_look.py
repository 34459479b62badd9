"""What whoever changes stored records needs to know, under the locks that it needs, in one round trip.

Each of the statements sees what was committed when it began, as if it had come alone: so the records, the schema's
fields and its segments are read with the segments' lock held, and the latter two with the records' locks as well (see
`memberships` for why).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from kaireon.customers import memberships, record_rows, schema_facts
from kaireon.customers.memberships import ActiveSegment
from kaireon.customers.record_rows import RecordRow
from kaireon.customers.schema_facts import SchemaFacts

_STATEMENTS = ";".join(
    (memberships.HOLD_SEGMENTS, record_rows.SELECT_LOCKED, schema_facts.SELECT_FIELDS, memberships.SELECT_SEGMENTS)
)


@dataclass(frozen=True, slots=True)
class LockedLook:
    """The records that there are, by customer id, the schema's fields (None where it is gone), and its segments."""

    rows: Mapping[str, RecordRow]
    facts: SchemaFacts | None
    segments: Sequence[ActiveSegment]


def lock_and_look(schema_id: str, customer_ids: Collection[str]) -> LockedLook:
    """Locks the records of these customers, in the order of their ids, until the transaction ends."""
    parameters: list[Any] = [*memberships.lock_numbers(schema_id), schema_id, list(customer_ids), schema_id, schema_id]
    with connection.cursor() as cursor:
        cursor.execute(_STATEMENTS, parameters)
        cursor.nextset()
        rows = record_rows.rows_of(cursor.fetchall())
        cursor.nextset()
        facts = schema_facts.facts_in(schema_id, cursor.fetchone())
        cursor.nextset()
        return LockedLook(rows, facts, memberships.segments_of(schema_id, cursor.fetchall()))
