"""`make bench`: events a second that were accepted before, beside the straightforward design and two limits.

Fifty triggers, five of the events' type; one fires, with a cooldown, and writes firing, ledger, audit entry and an
attribute. Each round begins at rest (nothing pending, everything sealed, no dirty pages), and is counted through
afterwards: a figure whose rows are not complete is no figure.
"""

import os
from collections.abc import Callable, Sequence

import pytest

from tests.benchmarks import scenery
from tests.benchmarks.draining import drained_per_second
from tests.benchmarks.limits import Rows, decided_per_second, seconds_to_copy
from tests.benchmarks.measuring import Report, in_rounds
from tests.benchmarks.product import Product
from tests.benchmarks.straightforward.running import Mode, events_per_second, straightforward_worker

pytestmark = [pytest.mark.benchmark, pytest.mark.stack]

EVENTS = int(os.environ.get("BENCH_THROUGHPUT_EVENTS", "40000"))
STRAIGHTFORWARD_EVENTS = int(os.environ.get("BENCH_STRAIGHTFORWARD_EVENTS", "1000"))
FEW_CUSTOMERS = 1_000
MINIMAL, SAME_WORK = "straightforward, minimal", "straightforward, same work"
FIRES, HELD_BACK = "Kaireon, each event fires", "Kaireon, the cooldown holds most back"
COPY, COPY_BY_TWO = "limit: COPY of the same rows, one process", "limit: COPY of the same rows, two processes"
DECIDE = "limit: decode and decide, one process"


def test_events_per_second_already_accepted(product: Product, report: Report) -> None:
    scenery.set_up(product)
    people = scenery.Population()
    runs = {
        FIRES: lambda: drained_per_second(product, people, events=EVENTS, customers=EVENTS),
        HELD_BACK: lambda: drained_per_second(product, people, events=EVENTS, customers=FEW_CUSTOMERS),
    }
    runs[FIRES]()  # once for warmth, and for the rows whose COPY is the limit
    tables = written_rows(product)
    with straightforward_worker(product):

        def straightforward(mode: Mode) -> Callable[[], float]:
            return lambda: events_per_second(
                product, mode, first=people.next(STRAIGHTFORWARD_EVENTS), count=STRAIGHTFORWARD_EVENTS
            )

        figures = in_rounds(
            {
                MINIMAL: straightforward("minimal"),
                SAME_WORK: straightforward("same_work"),
                **runs,
                COPY: lambda: copied_per_second(product, tables, processes=1),
                COPY_BY_TWO: lambda: copied_per_second(product, tables, processes=2),
                DECIDE: lambda: decided_per_second(EVENTS),
            }
        )
    report.add(
        "Events already accepted, until the last one's firing is committed",
        figures,
        unit="events/s",
        baselines=[MINIMAL, SAME_WORK, COPY, COPY_BY_TWO, DECIDE],
        note=f"{EVENTS:,} events a round, {STRAIGHTFORWARD_EVENTS:,} of the straightforward design; two worker"
        " processes each. Where each event fires, as many customer.updated events are handled too, and not counted.",
    )


def written_rows(product: Product) -> list[Rows]:
    """What the product has written for the last so many firings, for tables beside its own with the same indexes."""
    written = []
    for table, of, newest in (
        ("triggers_firing", "true", "fired_at"),
        ("audit_entry", "action = 'trigger.fired'", "id"),
        ("customers_record", f"schema_id = '{scenery.SCHEMA}'", "id"),
    ):
        columns = _columns(product, table)
        chosen = ", ".join(f"{name}::text" for name in columns)
        statement = f"SELECT {chosen} FROM {table} WHERE {of} ORDER BY {newest} DESC LIMIT {EVENTS}"
        values = product.database.execute(statement.encode()).fetchall()
        assert len(values) == EVENTS
        written.append(Rows(f"limit_{table}", columns, values))
    return written


def copied_per_second(product: Product, tables: Sequence[Rows], *, processes: int) -> float:
    """Events a second, where nothing is done for them but COPY what is written for them into new, empty tables."""
    for rows in tables:
        original = rows.table.removeprefix("limit_")
        product.database.execute(f"CREATE TABLE {rows.table} (LIKE {original} INCLUDING ALL)".encode())
    product.come_to_rest()
    seconds = seconds_to_copy(product, tables, processes=processes)
    for rows in tables:
        assert product.number(f"SELECT count(*) FROM {rows.table}") == EVENTS
        product.database.execute(f"DROP TABLE {rows.table}".encode())
    return EVENTS / seconds


def _columns(product: Product, table: str) -> list[str]:
    """All but the ones that the table numbers by itself."""
    found = product.database.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND is_identity = 'NO'"
        " ORDER BY ordinal_position",
        [table],
    ).fetchall()
    return [row[0] for row in found]
