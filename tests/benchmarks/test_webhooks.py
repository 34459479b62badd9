"""`make bench`: webhooks a second of one delivery worker, to a receiver that answers after 100 ms.

Then the same while another receiver, whose own messages were queued first, answers nothing at all; and how many
requests are in flight to one that takes so long that the worker's CPU is no limit. The rest of the product idles
meanwhile; the receivers and PostgreSQL share the machine with the worker.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import psutil
import pytest

from tests.benchmarks.measuring import Report, in_rounds
from tests.benchmarks.product import Product
from tests.benchmarks.webhook_queue import TRIGGER
from tests.benchmarks.webhook_receiver import Seen, WebhookReceiver, webhook_receiver

pytestmark = [pytest.mark.benchmark, pytest.mark.stack]

DELIVERIES = int(os.environ.get("BENCH_WEBHOOKS", "10000"))
HANGING = 1_000
ANSWERS_AFTER_S = 0.1
SLOW_DELIVERIES = 3_000
SLOW_AFTER_S = 0.5
ALONE, BESIDE = "one receiver", "beside a receiver that hangs"
SLOW = "one receiver that is slow"


@dataclass(frozen=True, slots=True)
class Run:
    """What came of one round; CPU is for each delivery."""

    per_second: float
    seen: Seen
    worker_us: float
    postgres_us: float


def test_webhooks_per_second(product: Product, report: Report) -> None:
    add_trigger(product)
    runs: dict[str, list[Run]] = {ALONE: [], BESIDE: [], SLOW: []}

    def variant(name: str, hanging: int = 0) -> Callable[[], float]:
        def measure() -> float:
            runs[name].append(run(product, hanging=hanging))
            return runs[name][-1].per_second

        return measure

    run(product)  # once for warmth
    figures = in_rounds({ALONE: variant(ALONE), BESIDE: variant(BESIDE, HANGING)})
    runs[SLOW].extend(run(product, count=SLOW_DELIVERIES, answers_after_s=SLOW_AFTER_S) for _ in figures[ALONE])
    note = f"{DELIVERIES:,} deliveries a round to a receiver that answers after {ANSWERS_AFTER_S * 1000:.0f} ms"
    report.add(
        "Webhooks of one delivery worker, from the first attempt to the last success recorded",
        figures,
        unit="webhooks/s",
        baselines=[ALONE],
        note=f"{note}; the one that hangs has {HANGING:,} of its own, queued first",
    )
    report.add(
        "Requests in flight, as that receiver sees them",
        {
            f"{what}, {name}": [pick(one) for one in found]
            for name, found in runs.items()
            for what, pick in IN_FLIGHT.items()
        },
        unit="requests",
        note="read to the end and not yet answered; a look every 10 ms. The slow one has"
        f" {SLOW_DELIVERIES:,} deliveries a round and answers after {SLOW_AFTER_S * 1000:.0f} ms",
    )
    report.add(
        "CPU of one webhook",
        {f"{what}, {name}": [pick(one) for one in found] for name, found in runs.items() for what, pick in CPU.items()},
        unit="µs",
        note="the worker is one process with one interpreter: all of its webhooks share the 1,000,000 µs of a second",
    )


IN_FLIGHT: dict[str, Callable[[Run], float]] = {
    "median": lambda one: one.seen.in_flight_median,
    "most": lambda one: one.seen.in_flight_most,
}
CPU: dict[str, Callable[[Run], float]] = {
    "delivery worker": lambda one: one.worker_us,
    "PostgreSQL": lambda one: one.postgres_us,
}


def add_trigger(product: Product) -> None:
    """The trigger whose webhooks are queued, so that its gate is asked."""
    product.ask(
        "/api/v1/triggers",
        {
            "name": "Tell the receiver",
            "eventType": "bench.told",
            "actionType": "webhook",
            "actionConfig": {"url": "http://127.0.0.1:9/hook"},
        },
    )
    assert product.number("SELECT count(*) FROM triggers_trigger WHERE id = %s", [TRIGGER]) == 1


def run(
    product: Product, *, hanging: int = 0, count: int = DELIVERIES, answers_after_s: float = ANSWERS_AFTER_S
) -> Run:
    """Queues, waits until all of the receiver's are delivered, and counts them through."""
    with (
        webhook_receiver(answers_after_s=answers_after_s) as receiver,
        webhook_receiver(answers_after_s=None) as silent,
    ):
        worker, postgres = worker_cpu_s(product), postgres_cpu_s(product)
        queued = product.run("tests.benchmarks.webhook_queue:queue", silent.port, hanging, receiver.port, count)
        assert queued == hanging + count
        product.wait_until(
            f"SELECT count(*) = {count} FROM delivery_delivery WHERE host = '{receiver.host}' AND status = 'delivered'"
        )
        worker, postgres = worker_cpu_s(product) - worker, postgres_cpu_s(product) - postgres
        seen, unanswered = receiver.seen(), silent.seen()
    assert seen.requests == len(seen.webhook_ids) == count
    assert attempts(product, receiver) == (count, count)
    assert bool(unanswered.requests) == bool(hanging)
    assert unanswered.requests == len(unanswered.webhook_ids)
    forget(product, silent)
    return Run(
        per_second=count / seconds(product, receiver),
        seen=seen,
        worker_us=worker * 1e6 / count,
        postgres_us=postgres * 1e6 / count,
    )


def attempts(product: Product, receiver: WebhookReceiver) -> tuple[int, int]:
    """How many attempts are recorded, and how many of them say 200 and that it was the first."""
    row = product.database.execute(
        "SELECT count(*), count(*) FILTER (WHERE response_status = 200 AND number = 1) FROM delivery_attempt"
        " JOIN delivery_delivery delivery ON delivery.id = delivery_id WHERE host = %s",
        [receiver.host],
    ).fetchone()
    assert row is not None
    return row[0], row[1]


def seconds(product: Product, receiver: WebhookReceiver) -> float:
    """From the first attempt to the last success recorded."""
    row = product.database.execute(
        "SELECT extract(epoch FROM max(delivered_at) - min(started_at))::float8 FROM delivery_attempt"
        " JOIN delivery_delivery delivery ON delivery.id = delivery_id WHERE host = %s",
        [receiver.host],
    ).fetchone()
    assert row is not None
    return float(row[0])


def forget(product: Product, silent: WebhookReceiver) -> None:
    """Waits until what was on its way to a receiver that is gone has failed, and cancels the rest; then rests."""
    product.wait_until(
        f"SELECT NOT EXISTS (SELECT FROM delivery_delivery WHERE host = '{silent.host}' AND leased_until > now())"
    )
    product.database.execute(
        "UPDATE delivery_delivery SET status = 'cancelled', next_attempt_at = NULL"
        " WHERE host = %s AND status = 'pending'",
        [silent.host],
    )
    product.come_to_rest()


def worker_cpu_s(product: Product) -> float:
    """Of the delivery worker, its parent process included."""
    return sum(map(cpu_s, product.running.processes_with("--queues=delivery")))


def postgres_cpu_s(product: Product) -> float:
    """Of all its processes that are there."""
    return sum(cpu_s(row[0]) for row in product.database.execute("SELECT pid FROM pg_stat_activity").fetchall())


def cpu_s(pid: int) -> float:
    """The CPU time of a process so far; 0 for one that has gone."""
    with suppress(psutil.NoSuchProcess):
        times = psutil.Process(pid).cpu_times()
        return times.user + times.system
    return 0.0
