"""`make bench`: a queue of a million waiting events is worked off: how fast, and how much memory the workers take.

The events are put into the queue by one COPY, as if workers had been away; then the product's own workers, started as
`make run` starts them, work them off. Four types of events, of 50,000 customers: one that fires (with a cooldown that
holds most of them back), one whose condition is false, one that a trigger without a cooldown answers, one that nobody
listens to. Nothing is asserted about time. That memory stays flat is: the peak of the second half may not be a quarter
over that of the first half. BENCH_EVENTS changes the number.
"""

import json
import os
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from kaireon.launch.environment import load
from tests.benchmarks.measuring import Report
from tests.launch.running import Running

pytestmark = [pytest.mark.benchmark, pytest.mark.stack]

EVENTS = int(os.environ.get("BENCH_EVENTS", "1000000"))
CUSTOMERS = 50_000
LINES = 20
SAMPLE_EVERY_S = 1.0
LANES = 16
SCHEMA = "schema_backlog"
MEBIBYTE = 1024**2


@dataclass(frozen=True, slots=True)
class Sample:
    """The workers' resident memory in MiB, summed and of the largest process, when so many events were done."""

    seconds: float
    done: int
    total: float
    largest: float


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    with Running(
        tmp_path / "home",
        KAIREON_RATE_LIMIT_PER_MINUTE="0",
        KAIREON_LOG_LEVEL="WARNING",
        KAIREON_RETENTION_EVENTS_DAYS="0",
    ) as product:
        product.wait_until_ready()
        yield product


def test_a_million_waiting_events_are_worked_off_with_flat_memory(
    running: Running, tmp_path: Path, report: Report
) -> None:
    home = tmp_path / "home"
    key = json.loads((home / "demo.json").read_text())["apiKey"]
    _set_up(running, key)
    with psycopg.connect(load(home)["DATABASE_URL"], autocommit=True) as database:
        _wait_until_idle(database)
        filling = time.perf_counter()
        first = _fill(database)
        filled = time.perf_counter()
        print(f"\n  {EVENTS:,} events put into the queue by COPY in {filled - filling:.0f} s")
        samples = _watch(running, database, first)
        (decided,) = database.execute(
            "SELECT count(*) FROM events_event WHERE sequence >= %s AND status = 'processed' AND source = 'bench'",
            [first],
        ).fetchone() or (0,)
        outcomes = database.execute(
            "SELECT line ->> 'decision', count(*) FROM events_event, jsonb_array_elements(decisions) line"
            " WHERE sequence >= %s GROUP BY 1 ORDER BY 1",
            [first],
        ).fetchall()
    assert decided == EVENTS
    print("  " + ", ".join(f"{decision}: {count:,}" for decision, count in outcomes))
    half = len(samples) // 2
    early, late = (max(sample.largest for sample in part) for part in (samples[:half], samples[half:]))
    last = samples[-1]
    report.add(
        f"A queue of {EVENTS:,} waiting events",
        {"worked off": [last.done / last.seconds]},
        unit="events/s",
        note=f"largest worker process: {early:.0f} MiB in the first half, {late:.0f} MiB in the second",
    )
    assert late <= early * 1.25


def _set_up(running: Running, key: str) -> None:
    def post(path: str, body: Any) -> None:
        status, text = running.ask(path, key=key, body=body)
        assert status < 300, text

    post("/api/v1/schemas", {"id": SCHEMA, "name": "backlog", "fields": [{"name": "count", "dataType": "integer"}]})
    for start in range(0, CUSTOMERS, 1000):
        rows = [{"customerId": f"cust_{number}"} for number in range(start, start + 1000)]
        post(f"/api/v1/schemas/{SCHEMA}/data", {"rows": rows})
    for name, cooldown_ms, amount in (("cooldown", 3_600_000, 0), ("false", 0, 10**6), ("every", 0, 0)):
        post(
            "/api/v1/triggers",
            {
                "name": f"Backlog {name}",
                "eventType": f"backlog.{name}",
                "condition": {"field": "amount", "operator": "gte", "value": amount},
                "actionType": "update_attribute",
                "actionConfig": {"schemaId": SCHEMA, "updates": [{"field": "count", "expression": "count + 1"}]},
                "cooldownMs": cooldown_ms,
            },
        )


def _fill(database: psycopg.Connection[Any]) -> int:
    """One COPY in one transaction: the queue is full from one moment to the next. Returns the first number."""
    now = datetime.now(tz=UTC)
    names = ("cooldown", "false", "unheard", "every", "cooldown", "false", "unheard", "cooldown", "false", "unheard")
    (last,) = database.execute("SELECT max(sequence) FROM events_event").fetchone() or (0,)
    with (
        database.cursor() as cursor,
        cursor.copy(
            "COPY events_event (event_id, event_type, customer_id, occurred_at, received_at, properties, source, cause,"
            " depth, lane, status, attempts, error, decisions) FROM STDIN"
        ) as copy,
    ):
        for number in range(EVENTS):
            customer_id = f"cust_{number % CUSTOMERS}"
            copy.write_row(
                (
                    f"backlog-{number}",
                    f"backlog.{names[number // 7 % len(names)]}",
                    customer_id,
                    now,
                    now,
                    f'{{"amount": {number % 1000}, "note": "as events have one, of some words"}}',
                    "bench",
                    "",
                    0,
                    zlib.crc32(customer_id.encode()) % LANES,
                    "pending",
                    0,
                    "",
                    "[]",
                )
            )
    return int(last or 0) + 1


def _watch(running: Running, database: psycopg.Connection[Any], first: int) -> list[Sample]:
    """Samples until nothing of the backlog, nor of what it has brought about, waits; prints each twentieth of it."""
    programs = running.processes_with("kaireon.celery:app")
    print("  seconds       done   events/s   all of Celery   largest process")
    samples: list[Sample] = []
    began = time.perf_counter()
    shown = Sample(0.0, 0, 0.0, 0.0)
    while True:
        # By the index of waiting events, which shrinks.
        (waiting,) = database.execute("SELECT count(*) FROM events_event WHERE status = 'pending'").fetchone() or (0,)
        (newest,) = database.execute("SELECT max(sequence) FROM events_event").fetchone() or (0,)
        sizes = [0.0]
        for process in programs.values():
            with suppress(psutil.Error):
                sizes.append(process.memory_info().rss / MEBIBYTE)
        done = int(newest) - first + 1 - int(waiting)
        sample = Sample(time.perf_counter() - began, done, sum(sizes), max(sizes))
        samples.append(sample)
        if not waiting or done - shown.done >= EVENTS / LINES:
            _print(sample, shown)
            shown = sample
        if not waiting:
            print(f"  in all: {done:,} events in {sample.seconds:.0f} s, {done / sample.seconds:,.0f} events/s")
            return samples
        time.sleep(SAMPLE_EVERY_S)


def _print(sample: Sample, before: Sample) -> None:
    rate = (sample.done - before.done) / max(sample.seconds - before.seconds, 0.001)
    print(
        f"  {sample.seconds:7.0f} {sample.done:10,} {rate:10,.0f} {sample.total:11.0f} MiB {sample.largest:13.0f} MiB",
        flush=True,
    )


def _wait_until_idle(database: psycopg.Connection[Any]) -> None:
    deadline = time.perf_counter() + 300
    while (database.execute("SELECT count(*) FROM events_event WHERE status = 'pending'").fetchone() or (0,))[0]:
        assert time.perf_counter() < deadline, "events were not worked off"
        time.sleep(0.1)
