"""What the attacker can do who is superuser of the database, and has no key."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction

from audit.log import NewEntry, record
from audit.models import Entry, Seal
from audit.sealing import Sealed, seal
from audit.verification import Kind, Report, verify
from tests.audit.entries import NOON

TABLES = ("audit_entry", "audit_seal")


def add_many(count: int, **fields: Any) -> list[int]:
    """That many more entries, each a little different; their ids."""
    record(
        *[
            NewEntry(**{"action": "trigger.fired", "at": NOON, "facts": {"number": number}, **fields})
            for number in range(count)
        ]
    )
    return sorted(Entry.objects.order_by("-id").values_list("id", flat=True)[:count])


def seal_all(*, batch_size: int = 1000) -> Sealed:
    """Seals what there is, without waiting for anybody."""
    return seal(run_seconds=60, patience_seconds=0, batch_size=batch_size)


def execute(statement: str, *parameters: Any) -> int:
    """Runs SQL; how many rows it concerned."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return int(cursor.rowcount)


def tamper(statement: str, *parameters: Any) -> int:
    """Runs SQL with the triggers switched off, as a superuser can."""
    for table in TABLES:
        execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    rows = execute(statement, *parameters)
    for table in TABLES:
        execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_append_only")
    execute("ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_entry_only_erasure")
    return rows


@contextmanager
def undone() -> Iterator[None]:
    """What is done in here is taken back."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def found(report: Report | None = None) -> list[tuple[Kind, int | None]]:
    """What is found, and about which entry."""
    return [(finding.kind, finding.entry_id) for finding in (report or verify()).findings]


def seal_row(number: int) -> Seal:
    """That seal, as it is stored."""
    return Seal.objects.get(number=number)
