"""Storing events and asking whether the API keys that they came with still live, in one statement.

Whoever knows the keys already, from a moment ago, saves the look for them; one that was revoked meanwhile is found out
all the same, since the statement sees what is committed when it begins, as that look would.
"""

from collections.abc import Sequence

from django.db import connection
from psycopg import Cursor

from kaireon.accounts.keys import ARE_LIVING
from kaireon.events.publish import Row, as_json, insert_statement

_STATEMENT = f"""
    WITH living AS MATERIALIZED (SELECT ({ARE_LIVING}) AS are_living),
    stored AS ({insert_statement("SELECT CASE WHEN are_living THEN %(rows)s ELSE '[]' END FROM living")})
    SELECT are_living, ARRAY(SELECT event_id FROM stored) FROM living
"""


class KeyRevoked(Exception):
    """One of the keys lives no more; nothing was stored."""


def insert_while_keys_live(rows: Sequence[Row], *, key_hashes: Sequence[str]) -> set[str]:
    """Stores the rows whose ids are not there yet, and says which those are. `key_hashes` holds each only once.

    Raises KeyRevoked.
    """
    connection.ensure_connection()
    # Prepared, which takes a cursor of psycopg's own: of what an INSERT takes otherwise, a quarter is planning.
    with connection.wrap_database_errors, Cursor(connection.connection) as cursor:
        cursor.execute(_STATEMENT, {"rows": as_json(rows), "hashes": key_hashes}, prepare=True)
        row = cursor.fetchone()
    assert row is not None, "there is one row, whatever the keys are"
    are_living, stored = row
    if not are_living:
        raise KeyRevoked
    return set(stored)
