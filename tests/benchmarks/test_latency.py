"""`make bench`: how long one event takes from its 202 to the committed firing, and to a webhook's receiver.

One event after the other, in turn with the straightforward design, at rest; and once more while half of what the
product can take comes in beside it. The firing is looked for every half millisecond: without a pause, looking would
take one of two cores from what is measured.
"""

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import pytest

from kaireon.core.json_values import encode
from tests.benchmarks import scenery
from tests.benchmarks.measuring import ROUNDS, Report, percentile
from tests.benchmarks.product import PATIENCE_S, Product
from tests.benchmarks.scenery import BATCH, event_requests
from tests.benchmarks.senders import Connection, request_of, send, send_evenly
from tests.benchmarks.straightforward.running import straightforward_web, straightforward_worker
from tests.delivery.receiver import Answer, Received, Receiver

pytestmark = [pytest.mark.benchmark, pytest.mark.stack]

EVENTS = int(os.environ.get("BENCH_LATENCY_EVENTS", "100"))
"""In a round, of each kind."""
PEAK_EVENTS = int(os.environ.get("BENCH_LATENCY_PEAK_EVENTS", "20000"))
LONGEST_ROUND_S = 15
LOOK_EVERY_S = 0.0005
LOAD_S = 75
"""Longer than four rounds."""
# Customers of these numbers on: of single events, of the measurement of the peak, of the load.
SINGLE, PEAK, LOAD = 0, 1_000_000, 2_000_000
TOLD_TYPE = "bench.told"
KAIREON, WEBHOOK = "Kaireon, to the committed firing", "Kaireon, to the webhook's receiver"
MINIMAL, SAME_WORK = "straightforward, minimal", "straightforward, same work"
LOADED = "Kaireon, to the committed firing, under half of the peak load"

Measure = Callable[[], float]
"""Sends one event and returns how many milliseconds it took from the 202 on."""


@pytest.fixture(scope="module")
def receiver() -> Iterator["Clocked"]:
    """A webhook's receiver."""
    opened = Clocked()
    yield opened
    opened.close()


class Clocked(Receiver):
    """Notes the moment when it has read a request; that is some tenths of a millisecond after its first byte."""

    arrived_at = 0.0

    def handle(self, received: Received) -> Answer:
        self.arrived_at = time.perf_counter()
        return super().handle(received)


@pytest.fixture(scope="module")
def people(product: Product, receiver: Clocked) -> scenery.Population:
    """The triggers, and one that calls the receiver; customers enough."""
    scenery.set_up(product)
    product.ask(
        "/api/v1/triggers",
        {
            "name": "Tell the receiver",
            "eventType": TOLD_TYPE,
            "actionType": "webhook",
            "actionConfig": {"url": receiver.url},
        },
    )
    scenery.add_customers(product, SINGLE, 20_000)
    return scenery.Population()


def test_latency_at_rest(product: Product, people: scenery.Population, receiver: Clocked, report: Report) -> None:
    ours = product.running.port
    with straightforward_worker(product), straightforward_web(product) as theirs:
        kinds: Mapping[str, Measure] = {
            KAIREON: lambda: to_the_firing(product, ours, people, "/api/v1/events", "triggers_firing"),
            WEBHOOK: lambda: to_the_receiver(product, ours, people, receiver),
            MINIMAL: lambda: to_the_firing(product, theirs, people, "/one/minimal", "straightforward_firing"),
            SAME_WORK: lambda: to_the_firing(product, theirs, people, "/one/same_work", "triggers_firing"),
        }
        take_turns(product, kinds, 1, 20)
        product.come_to_rest()
        found = take_turns(product, kinds, ROUNDS, EVENTS)
    for name, share in (("median", 0.5), ("99th percentile", 0.99)):
        report.add(
            f"One event at rest, from its 202 on, {name}",
            {kind: [percentile(latencies, share) for latencies in taken] for kind, taken in found.items()},
            unit="ms",
            baselines=[MINIMAL, SAME_WORK],
            note=f"{EVENTS} events of each in a round, one after the other, in turn",
        )


def test_latency_under_half_of_the_peak_load(product: Product, people: scenery.Population, report: Report) -> None:
    peak = peak_events_per_second(product)
    product.come_to_rest()
    every_s = BATCH / (peak / 2)
    port = product.running.port
    kinds = {LOADED: lambda: to_the_firing(product, port, people, "/api/v1/events", "triggers_firing")}
    at_rest = take_turns(product, kinds, 3, EVENTS)[LOADED]
    with under_load(product, every_s):
        take_turns(product, kinds, 1, EVENTS, at_rest=False)
        loaded = take_turns(product, kinds, 3, EVENTS, at_rest=False)[LOADED]
    for name, share in (("median", 0.5), ("99th percentile", 0.99)):
        report.add(
            f"One event under load, from its 202 on, {name}",
            {
                "at rest": [percentile(latencies, share) for latencies in at_rest],
                "half of the peak load": [percentile(latencies, share) for latencies in loaded],
            },
            unit="ms",
            baselines=["at rest"],
            note=f"the peak is {peak:,.0f} events/s from HTTP to the committed firing; {BATCH} come in every"
            f" {every_s * 1000:.0f} ms",
        )


def take_turns(
    product: Product, kinds: Mapping[str, Measure], rounds: int, events: int, *, at_rest: bool = True
) -> dict[str, list[list[float]]]:
    """For each kind the latencies of each round; one event of each kind after the other, at rest when nothing waits.

    A round ends early where it takes long.
    """
    taken: dict[str, list[list[float]]] = {kind: [] for kind in kinds}
    for _ in range(rounds):
        for latencies in taken.values():
            latencies.append([])
        ends_at = time.monotonic() + LONGEST_ROUND_S
        for _ in range(events):
            if time.monotonic() > ends_at:
                break
            for kind, measure in kinds.items():
                if at_rest:
                    product.wait_until_done()
                taken[kind][-1].append(measure())
    return taken


def to_the_firing(product: Product, port: int, people: scenery.Population, path: str, table: str) -> float:
    """Looks for the firing of a customer who has had none, until it is committed."""
    number = people.next(1)
    request = request_of(path, encode(scenery.event(number)), key=product.key)
    statement = f"SELECT FROM {table} WHERE customer_id = %s".encode()
    with Connection(port) as connection:
        connection.send(request)
    accepted_at = time.perf_counter()
    while not product.database.execute(statement, [scenery.customer(number)]).rowcount:
        assert time.perf_counter() < accepted_at + PATIENCE_S, "the event did not fire"
        time.sleep(LOOK_EVERY_S)
    return (time.perf_counter() - accepted_at) * 1000


def to_the_receiver(product: Product, port: int, people: scenery.Population, receiver: Clocked) -> float:
    """Waits for the one request that the event brings about."""
    before = len(receiver.received)
    event = scenery.event(people.next(1), TOLD_TYPE)
    with Connection(port) as connection:
        connection.send(request_of("/api/v1/events", encode(event), key=product.key))
    accepted_at = time.perf_counter()
    receiver.wait_for(before + 1)
    return (receiver.arrived_at - accepted_at) * 1000


def peak_events_per_second(product: Product) -> float:
    """From the first request until the last event's firing is committed."""
    scenery.add_customers(product, PEAK, PEAK_EVENTS)
    product.come_to_rest()
    asked = event_requests("/api/v1/events", PEAK_EVENTS, first=PEAK, key=product.key)
    began_at = send(product.running.port, asked).began_at
    return PEAK_EVENTS / (product.wait_until_done() - began_at)


@contextmanager
def under_load(product: Product, every_s: float) -> Iterator[None]:
    """Within the block a request of many events comes in at that pace; each event is of another customer, and fires."""
    count = int(LOAD_S / every_s) * BATCH
    scenery.add_customers(product, LOAD, count)
    asked = event_requests("/api/v1/events", count, first=LOAD, key=product.key)
    load = multiprocessing.get_context("spawn").Process(
        target=send_evenly, args=(product.running.port, asked), kwargs={"every_s": every_s}
    )
    load.start()
    try:
        yield
        assert load.is_alive(), "the load ended before the measurement"
    finally:
        load.kill()
        load.join()
