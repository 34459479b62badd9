"""What an event asks of each resource, by what the processes of the running product have used."""

from dataclasses import dataclass

import psutil

from tests.benchmarks.product import Product


@dataclass(frozen=True, slots=True)
class Reading:
    """Seconds of CPU by process, and how many bytes of WAL were ever written."""

    workers: dict[int, float]
    backends: dict[int, float]
    helpers: dict[int, float]
    redis: dict[int, float]
    wal: int


@dataclass(frozen=True, slots=True)
class Demand:
    """Of one event. CPU in microseconds: the worker's, that of PostgreSQL's processes that serve it, that of
    PostgreSQL's others (WAL writer, checkpointer), and Redis's."""

    worker_us: float
    backend_us: float
    helpers_us: float
    redis_us: float
    wal_bytes: float

    @property
    def cpu_us(self) -> float:
        """All of it, wherever it is spent."""
        return self.worker_us + self.database_us + self.redis_us

    @property
    def database_us(self) -> float:
        """That of PostgreSQL."""
        return self.backend_us + self.helpers_us


def read(product: Product) -> Reading:
    """All that the processes have used so far."""
    own = product.database.info.backend_pid
    sessions = {
        row[0]
        for row in product.database.execute("SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'")
    }
    server = psutil.Process(own).parent()
    assert server is not None
    of_server = [process for process in server.children() if process.pid != own]
    parents = product.running.processes_with("--queues=events").values()
    workers = {one.pid: one for parent in parents for one in (parent, *parent.children(recursive=True))}
    redis = [psutil.Process(int(product.redis.info("server")["process_id"]))]
    return Reading(
        workers=_seconds(list(workers.values())),
        backends=_seconds([one for one in of_server if one.pid in sessions]),
        helpers=_seconds([one for one in of_server if one.pid not in sessions]),
        redis=_seconds(redis),
        # Not by pg_stat_wal, which learns of it up to a second later.
        wal=product.number("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"),
    )


def demand(before: Reading, after: Reading, *, events: int) -> Demand:
    """What came between the two, for each of the events. Who has gone meanwhile does not count."""
    return Demand(
        worker_us=_spent_us(before.workers, after.workers) / events,
        backend_us=_spent_us(before.backends, after.backends) / events,
        helpers_us=_spent_us(before.helpers, after.helpers) / events,
        redis_us=_spent_us(before.redis, after.redis) / events,
        wal_bytes=(after.wal - before.wal) / events,
    )


def _seconds(processes: list[psutil.Process]) -> dict[int, float]:
    found = {}
    for process in processes:
        times = process.cpu_times()
        found[process.pid] = times.user + times.system
    return found


def _spent_us(before: dict[int, float], after: dict[int, float]) -> float:
    return sum(seconds - before.get(pid, 0.0) for pid, seconds in after.items()) * 1_000_000
