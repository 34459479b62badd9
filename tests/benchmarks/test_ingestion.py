"""`make bench`: events a second over HTTP, with a key, validated and committed; and on to the committed firing.

Beside it, on the same PostgreSQL: COPY of the same rows into the same table, and Django REST framework with serializers
behind the same web server with as many processes and threads. While acceptance alone is measured, the product's workers
are stopped; what they have to do then is done before the next measurement.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import psutil
import pytest

from kaireon.core import clock
from kaireon.core.ids import time_ordered_id
from kaireon.core.json_values import encode
from kaireon.events.lanes import lane_of
from tests.benchmarks import scenery
from tests.benchmarks.limits import Rows, seconds_to_copy
from tests.benchmarks.measuring import Report, in_rounds
from tests.benchmarks.product import Product
from tests.benchmarks.scenery import BATCH, event_requests
from tests.benchmarks.senders import CONNECTIONS, PROCESSES, send
from tests.benchmarks.straightforward.running import Mode, counted, straightforward_web, straightforward_worker

pytestmark = [pytest.mark.benchmark, pytest.mark.stack]

EVENTS = int(os.environ.get("BENCH_INGESTION_EVENTS", "20000"))
SINGLES = int(os.environ.get("BENCH_INGESTION_SINGLES", "2000"))
STRAIGHTFORWARD_EVENTS = int(os.environ.get("BENCH_STRAIGHTFORWARD_EVENTS", "1000"))
KAIREON = "Kaireon"
# Single events that come at the same time share a commit, so it matters how many do.
MANY_CONNECTIONS = 4 * CONNECTIONS
COPY, COPY_BY_TWO = "COPY of the same rows, one process", "COPY of the same rows, two processes"
SERIALIZERS, PLAIN_VIEW = "DRF serializers and bulk_create", "DRF view that saves one model"
ONE_BY_ONE, ONE_SAME_WORK = "straightforward, one a request", "straightforward, one a request, same work"
MANY = f"straightforward, {BATCH} a request"


@pytest.fixture(scope="module")
def beside(product: Product) -> Iterator[int]:
    """The port of the straightforward design, whose worker runs too; what is to be fired for is set up."""
    scenery.set_up(product)
    with straightforward_worker(product), straightforward_web(product) as port:
        yield port


def test_batches_accepted(product: Product, beside: int, report: Report) -> None:
    ours = event_requests("/api/v1/events", EVENTS, event_type=scenery.UNHEARD_TYPE, key=product.key)
    theirs = event_requests("/many", EVENTS // 4, event_type=scenery.UNHEARD_TYPE)
    figures = in_rounds(
        {
            KAIREON: accepted_per_second(product, product.running.port, ours, EVENTS),
            COPY: lambda: copied_per_second(product, processes=1),
            COPY_BY_TWO: lambda: copied_per_second(product, processes=2),
            SERIALIZERS: accepted_per_second(product, beside, theirs, EVENTS // 4),
        }
    )
    report.add(
        f"Events over HTTP, {BATCH} a request, validated and committed",
        figures,
        unit="events/s",
        baselines=[COPY, COPY_BY_TWO, SERIALIZERS],
        note=f"{EVENTS:,} events a round, {EVENTS // 4:,} with serializers; clients on the same machine",
    )


def test_single_events_accepted(product: Product, beside: int, report: Report) -> None:
    ours = event_requests("/api/v1/events", SINGLES, event_type=scenery.UNHEARD_TYPE, key=product.key, batch=1)
    theirs = event_requests("/one", SINGLES, event_type=scenery.UNHEARD_TYPE, batch=1)
    for connections in (CONNECTIONS, MANY_CONNECTIONS):
        figures = in_rounds(
            {
                KAIREON: accepted_per_second(product, product.running.port, ours, SINGLES, connections),
                PLAIN_VIEW: accepted_per_second(product, beside, theirs, SINGLES, connections),
            }
        )
        report.add(
            f"Events over HTTP, one a request, by {PROCESSES * connections} connections, validated and committed",
            figures,
            unit="events/s",
            baselines=[PLAIN_VIEW],
            note=f"{SINGLES:,} events a round; clients on the same machine",
        )


def test_from_http_to_the_committed_firing(product: Product, beside: int, report: Report) -> None:
    people = scenery.Population()

    def straightforward(path: str, mode: Mode, batch: int) -> Callable[[], float]:
        def measure() -> float:
            first = people.next(STRAIGHTFORWARD_EVENTS)
            asked = event_requests(path, STRAIGHTFORWARD_EVENTS, first=first, batch=batch)
            with counted(product, mode, first=first, count=STRAIGHTFORWARD_EVENTS) as wait_until_done:
                began_at = send(beside, asked).began_at
                ended_at = wait_until_done()
            return STRAIGHTFORWARD_EVENTS / (ended_at - began_at)

        return measure

    def kaireon() -> float:
        first = people.next(EVENTS)
        asked = event_requests("/api/v1/events", EVENTS, first=first, key=product.key)
        scenery.add_customers(product, first, EVENTS)
        product.come_to_rest()
        began_at = send(product.running.port, asked).began_at
        ended_at = product.wait_until_done()
        assert scenery.changed_customers(product, first, EVENTS) == EVENTS
        return EVENTS / (ended_at - began_at)

    figures = in_rounds(
        {
            KAIREON: kaireon,
            ONE_BY_ONE: straightforward("/one/minimal", "minimal", 1),
            ONE_SAME_WORK: straightforward("/one/same_work", "same_work", 1),
            MANY: straightforward("/many/minimal", "minimal", BATCH),
        }
    )
    report.add(
        "Events over HTTP, until the last one's firing is committed",
        figures,
        unit="events/s",
        baselines=[ONE_BY_ONE, ONE_SAME_WORK, MANY],
        note=f"{EVENTS:,} events a round, {BATCH} a request, each of another customer and each fires;"
        f" {STRAIGHTFORWARD_EVENTS:,} of the straightforward design",
    )


def accepted_per_second(
    product: Product, port: int, asked: Sequence[bytes], count: int, connections: int = CONNECTIONS
) -> Callable[[], float]:
    """`asked` holds `count` events; all of them must be in the table afterwards."""

    def measure() -> float:
        product.come_to_rest()
        before = product.number("SELECT count(*) FROM events_event")
        with workers_stopped(product):
            seconds = send(port, asked, connections=connections).seconds
            assert product.number("SELECT count(*) FROM events_event") - before == count
        return count / seconds

    return measure


def copied_per_second(product: Product, *, processes: int) -> float:
    """The rows that the requests become, into the same table."""
    now = clock.now()
    columns = "event_id event_type customer_id occurred_at received_at properties source cause depth lane status"
    values = []
    for number in range(EVENTS):
        event_id, customer_id = time_ordered_id("evt_"), scenery.customer(number)
        lane = lane_of(customer_id=customer_id, event_id=event_id)
        properties = encode(scenery.properties(number)).decode()
        event = (event_id, scenery.UNHEARD_TYPE, customer_id, now, now, properties, "api", "", 0, lane, "processed")
        values.append((*event, 0, "", "[]"))
    product.come_to_rest()
    rows = Rows("events_event", [*columns.split(), "attempts", "error", "decisions"], values)
    return EVENTS / seconds_to_copy(product, [rows], processes=processes)


@contextmanager
def workers_stopped(product: Product) -> Iterator[None]:
    """Nothing of the product's Celery runs within the block; the web server does."""
    processes = product.running.processes_with("kaireon.celery:app").values()
    families = [one for process in processes for one in (process, *process.children(recursive=True))]
    for one in families:
        one.suspend()
    try:
        yield
    finally:
        for one in families:
            if one.status() == psutil.STATUS_STOPPED:
                one.resume()
