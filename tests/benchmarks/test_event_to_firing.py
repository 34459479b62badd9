"""`make bench`: how many events a second go from the API's 202 to the committed firing, and how long one takes at rest.

Everything is the real product, started as `make run` starts it, on the machine at hand. Nothing is asserted about time:
machines differ, and only figures of one run can be compared with each other.
"""

import json
import statistics
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from kaireon.launch.environment import load
from tests.launch.running import Running

pytestmark = [pytest.mark.benchmark, pytest.mark.stack]

EVENTS = 40_000
BATCH = 500
SENDERS = 2
CUSTOMERS = 1_000
SINGLE_EVENTS = 300
SCHEMA = "schema_bench"
PATIENCE_S = 300.0


@dataclass(frozen=True, slots=True)
class Product:
    """A running product and a way into its database."""

    running: Running
    key: str
    database: psycopg.Connection[Any]

    def post(self, path: str, body: Any) -> None:
        """Posts JSON by the API; anything but 2xx ends the benchmark."""
        status, text = self.running.ask(path, key=self.key, body=body)
        assert status < 300, text

    def count(self, statement: str) -> int:
        """The one number that `statement` gives."""
        row = self.database.execute(statement).fetchone()
        assert row is not None
        return int(row[0])


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    """The product with a schema, 1,000 customers and five triggers of the type, of which one fires."""
    home = tmp_path / "home"
    with Running(home, KAIREON_RATE_LIMIT_PER_MINUTE="0", KAIREON_LOG_LEVEL="WARNING") as running:
        running.wait_until_ready()
        key = json.loads((home / "demo.json").read_text())["apiKey"]
        with psycopg.connect(load(home)["DATABASE_URL"], autocommit=True) as database:
            product = Product(running, key, database)
            _set_up(product)
            yield product


def _set_up(product: Product) -> None:
    fields = [{"name": "last_amount", "dataType": "decimal"}]
    product.post("/api/v1/schemas", {"id": SCHEMA, "name": "bench", "fields": fields})
    rows = [{"customerId": f"cust_{number}"} for number in range(CUSTOMERS)]
    product.post(f"/api/v1/schemas/{SCHEMA}/data", {"rows": rows})
    for number in range(5):
        amount = {"field": "metadata.amount", "operator": "gt", "value": 500 if number == 0 else 10**6}
        kind = {"field": "outcomeType", "operator": "eq", "value": "conversion"}
        product.post(
            "/api/v1/triggers",
            {
                "name": f"Bench {number}",
                "eventType": "bench.purchase",
                "condition": {"all": [amount, kind]},
                "actionType": "update_attribute",
                "actionConfig": {
                    "schemaId": SCHEMA,
                    "updates": [{"field": "last_amount", "value": "{{event.metadata.amount}}"}],
                },
                "cooldownMs": 60_000,
                "priority": 75,
            },
        )


def _event(number: int) -> dict[str, Any]:
    return {
        "eventType": "bench.purchase",
        "customerId": f"cust_{number % CUSTOMERS}",
        "properties": {"outcomeType": "conversion", "metadata": {"amount": 750 + number}},
    }


def test_events_per_second_from_accepted_to_committed(product: Product) -> None:
    _wait_until_idle(product)
    bodies = [[_event(start + index) for index in range(BATCH)] for start in range(0, EVENTS, BATCH)]
    began = time.perf_counter()

    def send(share: list[list[dict[str, Any]]]) -> None:
        for body in share:
            product.post("/api/v1/events", body)

    senders = [threading.Thread(target=send, args=(bodies[number::SENDERS],)) for number in range(SENDERS)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    accepted = time.perf_counter() - began
    _wait_until_idle(product)
    done = time.perf_counter() - began
    firings = product.count("SELECT count(*) FROM triggers_firing WHERE event_type = 'bench.purchase'")
    assert firings == CUSTOMERS
    print(f"\n  accepted by HTTP, {BATCH} a request          {EVENTS / accepted:10,.0f} events/s")
    print(f"  accepted by HTTP to committed decision   {EVENTS / done:10,.0f} events/s")
    print(
        f"  ({EVENTS:,} events, 5 triggers of their type, {firings:,} firings, {SENDERS} senders on the same machine)"
    )


def test_latency_of_one_event_at_rest(product: Product) -> None:
    _wait_until_idle(product)
    latencies_ms = []
    for number in range(SINGLE_EVENTS):
        event = {**_event(number), "eventId": f"single-{number}"}
        product.post("/api/v1/events", event)
        accepted = time.perf_counter()
        while not product.database.execute(
            "SELECT 1 FROM triggers_firing WHERE event_id = %s", [event["eventId"]]
        ).fetchone():
            assert time.perf_counter() - accepted < PATIENCE_S
        latencies_ms.append((time.perf_counter() - accepted) * 1000)
    latencies_ms.sort()
    p50, p99 = statistics.median(latencies_ms), latencies_ms[int(len(latencies_ms) * 0.99)]
    print(f"\n  one event at rest, 202 to committed firing   p50 {p50:6.1f} ms   p99 {p99:6.1f} ms")
    print(f"  ({SINGLE_EVENTS} events one after the other)")


def _wait_until_idle(product: Product) -> None:
    deadline = time.perf_counter() + PATIENCE_S
    while product.count("SELECT count(*) FROM events_event WHERE status = 'pending'"):
        assert time.perf_counter() < deadline, "events were not worked off"
        time.sleep(0.01)
