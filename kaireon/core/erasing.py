"""Taking personal data out of a customer's rows, a batch of rows in one statement."""

from dataclasses import dataclass
from typing import Any, LiteralString

from django.db import connection
from psycopg import sql


@dataclass(frozen=True, slots=True)
class Batch:
    """`changed` rows of those looked at. Another batch goes on behind `last`, which is None where there are no more."""

    changed: int
    last: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasing:
    """What erasing means for one table that has a column `customer_id`.

    `set_to` are the assignments, and `where` says which rows still have something to erase: a row that was erased is
    not written again.
    """

    table: LiteralString
    key: LiteralString
    key_type: LiteralString
    set_to: LiteralString
    where: LiteralString

    def run(self, customer_id: str, *, after: Any, limit: int) -> Batch:
        """Erases in the next `limit` rows behind the key `after`, in the order of the keys; locks them meanwhile."""
        statement = sql.SQL(
            """
            WITH batch AS (
                SELECT {key} AS key FROM {table}
                WHERE customer_id = %(customer)s AND (%(after)s::{key_type} IS NULL OR {key} > %(after)s)
                ORDER BY {key} LIMIT %(limit)s FOR UPDATE
            ), changed AS (
                UPDATE {table} SET {set_to} FROM batch WHERE {table}.{key} = batch.key AND ({where}) RETURNING 1
            )
            SELECT (SELECT count(*) FROM changed), (SELECT count(*) FROM batch),
                   (SELECT key FROM batch ORDER BY key DESC LIMIT 1)
            """
        ).format(
            table=sql.Identifier(self.table),
            key=sql.Identifier(self.key),
            key_type=sql.SQL(self.key_type),
            set_to=sql.SQL(self.set_to),
            where=sql.SQL(self.where),
        )
        with connection.cursor() as cursor:
            cursor.execute(statement, {"customer": customer_id, "after": after, "limit": limit})
            changed, looked_at, last = cursor.fetchone()
        return Batch(changed, last if looked_at == limit else None)
