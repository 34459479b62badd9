"""Whether what a process keeps compiled is still what is stored: tables of one row, whose token each change replaces.

A batch of events asks for the tokens of all of them in one statement, and once: at rest, when a batch is one event,
each further statement is felt.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import connection

_tables: list[str] = []
_seen: ContextVar[dict[str, Any] | None] = ContextVar("kaireon_tokens", default=None)


def register(table: str) -> None:
    """Adds a table of one row with a `token`, at import."""
    _tables.append(table)


@contextmanager
def one_look() -> Iterator[None]:
    """Asks for all tokens now; within the block they stand for the state of things. A transaction's length at most."""
    reset = _seen.set(_ask(_tables))
    try:
        yield
    finally:
        _seen.reset(reset)


def is_within_one_look() -> bool:
    """Whether `token` answers without a statement."""
    return _seen.get() is not None


def token(table: str) -> Any:
    """The token, as the block's look has found it; without such a block, as it is now. None where the row lacks."""
    seen = _seen.get()
    return _ask([table])[table] if seen is None else seen[table]


def token_now(table: str) -> Any:
    """The token as it is now, also for the rest of the block: who has read the rows anew must compare with that."""
    now = _ask([table])
    if (seen := _seen.get()) is not None:
        seen.update(now)
    return now[table]


def _ask(tables: list[str]) -> dict[str, Any]:
    # Without Django's way of writing queries, which takes longer.
    with connection.cursor() as cursor:
        cursor.execute("SELECT " + ", ".join(f"(SELECT token FROM {table})" for table in tables))
        return dict(zip(tables, cursor.fetchone() or (), strict=True))
