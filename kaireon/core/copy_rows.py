"""Many rows into one table by COPY, about five times as quick as bulk_create, in the caller's transaction."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection, models
from psycopg import sql

from kaireon.core.json_values import encode


def copy_rows(model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Writes `rows`, each a value for each of `columns`; objects and lists are written as JSON.

    Raises IntegrityError as an INSERT would; nothing of the rows stays then.
    """
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(model._meta.db_table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row([_plain(value) for value in row])


def _plain(value: Any) -> Any:
    return encode(value).decode() if isinstance(value, dict | list) else value
