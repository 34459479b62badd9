"""What the machine could give at most: the rows alone, and the decisions alone."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from kaireon import conditions
from kaireon.core.json_values import decode, encode
from tests.benchmarks import scenery
from tests.benchmarks.processes import span_of
from tests.benchmarks.product import Product

BATCH = 500
"""Rows of each table in one transaction: the product has as many events in one."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What is to be copied into a table: its columns, and a value for each of them."""

    table: str
    columns: Sequence[str]
    values: Sequence[Sequence[Any]]


def seconds_to_copy(product: Product, tables: Sequence[Rows], *, processes: int) -> float:
    """How long it takes where nothing is done but COPY `tables` from Python, batch by batch."""
    url = product.variables["DATABASE_URL"]
    shares = [
        (url, [Rows(rows.table, rows.columns, rows.values[number::processes]) for rows in tables])
        for number in range(processes)
    ]
    return span_of(_copying, shares).seconds


def _copying(url: str, tables: Sequence[Rows]) -> Callable[[], None]:
    database = psycopg.connect(url)
    statements = [
        sql.SQL("COPY {} ({}) FROM STDIN").format(
            sql.Identifier(rows.table), sql.SQL(", ").join(map(sql.Identifier, rows.columns))
        )
        for rows in tables
    ]

    def copy() -> None:
        for start in range(0, max(len(rows.values) for rows in tables), BATCH):
            for rows, statement in zip(tables, statements, strict=True):
                with database.cursor() as cursor, cursor.copy(statement) as copying:
                    for row in rows.values[start : start + BATCH]:
                        copying.write_row(row)
            database.commit()

    return copy


def decided_per_second(events: int) -> float:
    """Events a second, where nothing is done for them but decode their JSON and ask the five conditions, here."""
    bodies = [encode(scenery.properties(number)) for number in range(events)]
    triggers = [scenery.trigger(number, scenery.EVENT_TYPE) for number in range(scenery.TRIGGERS_OF_A_TYPE)]
    predicates = [conditions.compile(conditions.parse(trigger["condition"])) for trigger in triggers]
    passed = 0
    began = time.perf_counter()
    for body in bodies:
        document = decode(body)
        for passes in predicates:
            passed += passes(document)
    seconds = time.perf_counter() - began
    assert passed == events
    return events / seconds
