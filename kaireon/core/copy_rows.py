"""Many rows into one table by COPY, about five times as quick as bulk_create, in the caller's transaction."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from django.db import connection, models
from psycopg import sql

from kaireon.core.json_values import encode


def copy_rows(model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Writes `rows`, each a value for each of `columns`; those of the model's JSON fields are written as JSON.

    Raises IntegrityError as an INSERT would; nothing of the rows stays then.
    """
    statement, places_of_json = _prepared(model, tuple(columns))
    with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(statement) as copy:
        for row in rows:
            values = list(row)
            for place in places_of_json:
                values[place] = encode(values[place]).decode()
            copy.write_row(values)


@cache
def _prepared(model: type[models.Model], columns: tuple[str, ...]) -> tuple[str, list[int]]:
    """The statement, and which of the columns hold JSON, by their places."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(model._meta.db_table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    of_json = {field.column for field in model._meta.concrete_fields if isinstance(field, models.JSONField)}
    return statement.as_string(), [place for place, column in enumerate(columns) if column in of_json]
