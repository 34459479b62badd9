"""`make bench`: events a second with one and with two worker processes, and what that says of more machines.

The drain of `test_throughput.py`, in turn with one and with two processes in the pool of the events worker. Meanwhile
the processes' CPU and the bytes of WAL are counted. From that, a model: each event asks so much of each resource; no
resource is busy for more than all of the time, and no process does two things at once. Its forecast for two processes
stands beside what was measured; those for two and four machines are calculations (docs/growth.md).
"""

import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psutil
import pytest

from kaireon.events.drain import BATCH_SIZE
from kaireon.events.models import LANE_COUNT
from tests.benchmarks import scenery
from tests.benchmarks.draining import drained, drained_per_second
from tests.benchmarks.measuring import Report, in_rounds
from tests.benchmarks.product import Product
from tests.benchmarks.senders import send
from tests.benchmarks.service_times import Demand, demand, read
from tests.launch.running import wait_for

pytestmark = [pytest.mark.benchmark, pytest.mark.stack]

EVENTS = int(os.environ.get("BENCH_GROWTH_EVENTS", "20000"))
WARM_UP = 3_000
CORES = os.cpu_count() or 1
ROUND_TRIP_US = 200.0
"""Between two machines of one room: an assumption."""
STATEMENTS = 20
"""Round trips to PostgreSQL and Redis for a batch of events, rounded up."""
WAL_MB_PER_SECOND = 200.0
"""What a disk takes of a log written in order, with fsync: an assumption."""
MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Measured:
    """A round: events a second, and what each of them asked for."""

    per_second: float
    demand: Demand


@dataclass(frozen=True, slots=True)
class Forecast:
    """Events a second, and what does not allow for more."""

    per_second: float
    bottleneck: str


def test_growth(product: Product, report: Report) -> None:
    scenery.set_up(product)
    people = scenery.Population()
    rounds: dict[int, list[Measured]] = {1: [], 2: []}

    def with_processes(count: int) -> Callable[[], float]:
        def measure() -> float:
            resize(product, count)
            # A new process connects and compiles what it is to know.
            drained_per_second(product, people, events=WARM_UP, customers=WARM_UP)
            per_second, before, after = drained(
                product, people, events=EVENTS, customers=EVENTS, read=lambda: read(product)
            )
            rounds[count].append(Measured(per_second, demand(before, after, events=EVENTS)))
            return per_second

        return measure

    names = {1: "one process, measured", 2: "two processes, measured"}
    figures = in_rounds({names[count]: with_processes(count) for count in rounds})
    forecast = [on_one_machine(one, processes=2) for one in rounds[1]]
    figures["two processes, forecast from one"] = [one.per_second for one in forecast]
    report.add(
        "Growth: events already accepted, until the last one's firing is committed",
        figures,
        unit="events/s",
        baselines=[names[1], names[2]],
        note=f"{EVENTS:,} events a round; the forecast's limit: {_middle(forecast).bottleneck}",
    )
    asked = {count: [each.demand for each in found] for count, found in rounds.items()}
    for count, title in ((1, "one process"), (2, "two processes")):
        report.add(
            f"Growth: what an event asks for, with {title}",
            {
                "CPU of the worker": [each.worker_us for each in asked[count]],
                "CPU of PostgreSQL's backends": [each.backend_us for each in asked[count]],
                "CPU of PostgreSQL's other processes": [each.helpers_us for each in asked[count]],
                "CPU of Redis": [each.redis_us for each in asked[count]],
                "all of these": [each.cpu_us for each in asked[count]],
                "time from one event to the next, times the cores": [
                    CORES * MILLION / each.per_second for each in rounds[count]
                ],
            },
            unit="us/event",
            note="Each event fires, and publishes one more, which is handled too and not counted.",
        )
    report.add(
        "Growth: WAL",
        {
            "an event that fires, acceptance included": [each.wal_bytes for each in asked[1]],
            "an event that nobody listens to": [unheard_wal_bytes(product) for _ in asked[1]],
        },
        unit="bytes/event",
    )
    more = {
        machines: [on_machines(one, busy.demand, machines=machines) for one, busy in zip(*rounds.values(), strict=True)]
        for machines in (2, 4)
    }
    report.add(
        f"Growth: forecasts for machines of {CORES} cores, one of them with PostgreSQL and Redis",
        {f"{machines} machines": [each.per_second for each in found] for machines, found in more.items()},
        unit="events/s",
        note="; ".join(
            f"{machines} machines: first limit {_middle(found).bottleneck}" for machines, found in more.items()
        ),
    )


def unheard_wal_bytes(product: Product) -> float:
    """Of an event that is accepted over HTTP and stored as processed."""
    asked = scenery.event_requests("/api/v1/events", EVENTS, event_type=scenery.UNHEARD_TYPE, key=product.key)
    product.come_to_rest()
    before = read(product).wal
    send(product.running.port, asked)
    return (read(product).wal - before) / EVENTS


def on_one_machine(one: Measured, *, processes: int) -> Forecast:
    """All of it on these cores: so many processes, each as fast as the one was, until the cores are busy."""
    return _least(
        {
            "the processes": processes * one.per_second,
            "the machine's CPU": CORES * MILLION / one.demand.cpu_us,
        }
    )


def on_machines(one: Measured, busy: Demand, *, machines: int) -> Forecast:
    """One machine with PostgreSQL and Redis, the others with workers: as many processes as there are lanes.

    A process that waits for PostgreSQL leaves its core to another; and it waits for the network, too. An event asks for
    as much CPU as where all cores are `busy`: more than where one process has them to itself.
    """
    workers = machines - 1
    between_us = MILLION / one.per_second + STATEMENTS * ROUND_TRIP_US / BATCH_SIZE
    return _least(
        {
            "the lanes": LANE_COUNT * MILLION / between_us,
            "CPU of the workers' machines": workers * CORES * MILLION / busy.worker_us,
            "CPU of PostgreSQL's machine": CORES * MILLION / (busy.database_us + busy.redis_us),
            "CPU of Redis, which has one thread": MILLION / busy.redis_us,
            "the log's disk": WAL_MB_PER_SECOND * MILLION / busy.wal_bytes,
        }
    )


def resize(product: Product, processes: int) -> None:
    """Gives the events worker's pool that many processes."""
    found = product.running.processes_with("--queues=events")
    (parent,) = (process for process in found.values() if process.ppid() not in found)

    def size() -> int:
        return sum(child.status() != psutil.STATUS_ZOMBIE for child in parent.children())

    worker = f"events@{socket.gethostname()}"
    missing = processes - size()
    if missing > 0:
        product.celery.control.pool_grow(missing, destination=[worker])
    elif missing < 0:
        product.celery.control.pool_shrink(-missing, destination=[worker])
    wait_for(lambda: size() == processes, patience_s=30, what=f"the worker has {processes} processes")


def _least(bounds: dict[str, float]) -> Forecast:
    bottleneck = min(bounds, key=bounds.__getitem__)
    return Forecast(bounds[bottleneck], bottleneck)


def _middle(found: Sequence[Forecast]) -> Forecast:
    """The median one."""
    return sorted(found, key=lambda each: each.per_second)[len(found) // 2]
