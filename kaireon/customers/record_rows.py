"""Rows of records, many in one statement, in the caller's transaction.

Rows are inserted and locked in the order of their customer ids, so that no two writers wait for each other for ever.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from kaireon.core.json_values import encode
from kaireon.customers.numbers import read_settled
from kaireon.customers.record_changes import Attributes

_SELECT = """
    SELECT id, customer_id, attributes::text
    FROM customers_record
    WHERE schema_id = %s AND customer_id = ANY(%s::text[])
    ORDER BY customer_id
"""
SELECT_LOCKED = f"{_SELECT} FOR UPDATE"
_INSERT = """
    INSERT INTO customers_record (schema_id, customer_id, attributes, created_at, updated_at)
    SELECT %s, customer_id, attributes, %s, %s
    FROM json_to_recordset(%s::json) AS given(customer_id text, attributes jsonb)
    ORDER BY customer_id
    ON CONFLICT (schema_id, customer_id) DO NOTHING
    RETURNING customer_id
"""
_UPDATE = """
    UPDATE customers_record
    SET attributes = changed.attributes, updated_at = %s
    FROM json_to_recordset(%s::json) AS changed(id bigint, attributes jsonb)
    WHERE customers_record.id = changed.id
"""


@dataclass(frozen=True, slots=True)
class RecordRow:
    """A record as it was read."""

    id: int
    attributes: Attributes


def read_rows(*, schema_id: str, customer_ids: Collection[str], lock: bool) -> dict[str, RecordRow]:
    """The records that there are, by customer id; with `lock`, nobody else changes them until the transaction ends."""
    if not customer_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(SELECT_LOCKED if lock else _SELECT, [schema_id, list(customer_ids)])
        return rows_of(cursor.fetchall())


def rows_of(selected: Iterable[Sequence[Any]]) -> dict[str, RecordRow]:
    """By customer id, from what SELECT_LOCKED gives."""
    return {row[1]: RecordRow(row[0], read_settled(row[2])) for row in selected}


def insert_missing(*, schema_id: str, attributes: Mapping[str, Mapping[str, Any]], now: datetime) -> set[str]:
    """Creates the records that are not there yet, and says which those were. Waits for others who create the same."""
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [schema_id, now, now, _rows("customer_id", attributes)])
        return {row[0] for row in cursor.fetchall()}


def update_rows(attributes: Mapping[int, Mapping[str, Any]], *, now: datetime) -> None:
    """Writes the attributes of records that the caller has locked, by their row ids."""
    if not attributes:
        return
    with connection.cursor() as cursor:
        cursor.execute(_UPDATE, [now, _rows("id", attributes)])


def _rows(key: str, attributes: Mapping[Any, Mapping[str, Any]]) -> str:
    """All rows as one JSON text: of lists, psycopg writes out and escapes each value by itself, in Python."""
    return encode([{key: identity, "attributes": values} for identity, values in attributes.items()]).decode()
