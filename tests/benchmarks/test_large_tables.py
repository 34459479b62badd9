"""Whether it matters how much has been gathered: 10,000,000 events and firings beside 100,000.

Two products run side by side and are asked in turn. Each has its history in its tables: events with their ledgers,
firings, audit entries (sealed), deliveries and tallies. Measured are the hot path, acceptance over HTTP, and the lists
of the API, of Studio and of the admin: their first page, one far behind it, and by customer, status and type.

BENCH_LARGE_EVENTS says how large the larger one is. It is left out without: ten million take twenty minutes to fill and
20 GB of disk, which whoever runs `make bench` should have asked for.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial

import pytest

from tests.benchmarks import scenery
from tests.benchmarks.draining import drained_per_second
from tests.benchmarks.history import CUSTOMERS, FIRST_CUSTOMER, gather
from tests.benchmarks.measuring import ROUNDS, Report, in_rounds
from tests.benchmarks.product import Product, running_product
from tests.benchmarks.senders import send
from tests.benchmarks.visitor import Visitor

LARGE = int(os.environ.get("BENCH_LARGE_EVENTS", "0"))
SMALL = 100_000
DRAINED = 10_000
ACCEPTED = 10_000
DEEP = 20_000
"""Rows to pass over, where pages are asked for by offset."""

pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.stack,
    pytest.mark.skipif(not LARGE, reason="BENCH_LARGE_EVENTS is not set"),
]

PAGES = (
    "/api/v1/events",
    f"/api/v1/events?offset={DEEP}",
    "/api/v1/events?customerId={customer}",
    "/api/v1/events?status=failed",
    "/api/v1/events?status=pending",
    "/api/v1/events?eventType={type}",
    "/api/v1/events?since={since}",
    "/api/v1/events?since={middle}",
    "/api/v1/events/{event}",
    "/api/v1/triggers",
    "/api/v1/triggers/{trigger}/firings",
    f"/api/v1/triggers/{{trigger}}/firings?offset={DEEP // 2}",
    "/api/v1/triggers/{trigger}/firings?customerId={customer}",
    "/api/v1/triggers/{trigger}/firings?outcome=failed",
    "/api/v1/triggers/{trigger}/firings?outcome=succeeded",
    "/api/v1/audit",
    f"/api/v1/audit?offset={DEEP}",
    "/api/v1/audit?customerId={customer}",
    "/api/v1/audit?action=trigger.fired",
    "/api/v1/audit?since={since}",
    "/api/v1/deliveries",
    "/api/v1/deliveries?status=dead",
    "/api/v1/deliveries?customerId={customer}",
    "/studio/",
    "/studio/events",
    "/studio/events?before={middle_event}",
    "/studio/events?customer={customer}",
    "/studio/events?status=failed",
    "/studio/events?event_type={type}",
    "/studio/events?source=api",
    "/studio/events?since={since}",
    "/studio/events/{event}",
    "/studio/triggers",
    "/studio/triggers?sort=-fired",
    "/studio/triggers?sort=-count",
    "/studio/triggers/{trigger}",
    "/studio/triggers/{trigger}?range=30d",
    "/studio/triggers/{trigger}/firings",
    "/studio/triggers/{trigger}/firings?before={middle_firing}",
    "/studio/triggers/{trigger}/firings?customer={customer}",
    "/studio/triggers/{trigger}/firings?outcome=failed",
    "/studio/triggers/{trigger}/firings?outcome=skipped",
    "/studio/triggers/{trigger}/history",
    "/studio/firings/{firing}",
    "/studio/deliveries",
    "/studio/deliveries?status=dead",
    "/studio/deliveries?source_id={trigger}",
    "/studio/customers",
    "/studio/customers?search={customer}",
    "/studio/customers/{customer}",
    "/studio/why-not/{customer}",
    "/admin/audit/entry/",
    "/admin/audit/entry/?customer={customer}",
)


@pytest.fixture(scope="module")
def products(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Product]]:
    """The two, with their histories sealed."""
    with ExitStack() as running:
        found = {}
        for count in (SMALL, LARGE):
            began = time.perf_counter()
            product = running.enter_context(running_product(tmp_path_factory.mktemp("large") / "home"))
            scenery.set_up(product)
            gather(product, count)
            filled = time.perf_counter()
            wait_until_sealed(product)
            product.come_to_rest()
            print(f"\n  {count:,} filled in {filled - began:.0f} s, sealed in {time.perf_counter() - filled:.0f} s")
            print(f"  {product.number('SELECT pg_database_size(current_database())') / 2**30:.1f} GiB")
            found[f"{count:,}"] = product
        yield found


def wait_until_sealed(product: Product) -> None:
    """Has patience for as long as the sealer comes on: so many entries are more than one run of it is good for."""
    newest = product.number("SELECT max(id) FROM audit_entry")
    while (sealed := product.number("SELECT max(last_id) FROM audit_seal")) < newest:
        product.wait_until(f"SELECT max(last_id) > {sealed} FROM audit_seal")


def test_the_hot_path(products: Mapping[str, Product], report: Report) -> None:
    people = scenery.Population()
    figures = in_rounds(
        {
            name: partial(drained_per_second, product, people, events=DRAINED, customers=DRAINED)
            for name, product in products.items()
        }
    )
    small = f"{SMALL:,}"
    report.add(
        "Events already accepted, by how many events and firings there are",
        figures,
        unit="events/s",
        baselines=[small],
        note=f"{DRAINED:,} events a round, each fires",
    )
    figures = in_rounds({name: accepted_per_second(product) for name, product in products.items()})
    report.add(
        f"Events over HTTP, {scenery.BATCH} a request, by how many events and firings there are",
        figures,
        unit="events/s",
        baselines=[small],
        note=f"{ACCEPTED:,} events a round",
    )


def test_each_list(products: Mapping[str, Product], report: Report) -> None:
    small, large = (Visitor(product) for product in products.values())
    in_small, in_large = (places(product) for product in products.values())
    figures = {
        page: (
            small.milliseconds(page.format(**in_small), times=ROUNDS),
            large.milliseconds(page.format(**in_large), times=ROUNDS),
        )
        for page in PAGES
    }
    report.compare(
        "Lists, by how many events and firings there are", figures, names=(f"{SMALL:,}", f"{LARGE:,}"), unit="ms"
    )


def accepted_per_second(product: Product) -> Callable[[], float]:
    """Of a type that nobody listens to, so that acceptance alone is measured."""
    asked = scenery.event_requests("/api/v1/events", ACCEPTED, event_type=scenery.UNHEARD_TYPE, key=product.key)

    def measure() -> float:
        product.come_to_rest()
        return ACCEPTED / send(product.running.port, asked).seconds

    return measure


def places(product: Product) -> Mapping[str, str]:
    """What the addresses of pages name, as this product has it."""
    text = partial(_text, product)
    trigger = text("SELECT id FROM triggers_trigger ORDER BY id LIMIT 1")
    of_trigger = f"FROM triggers_firing WHERE trigger_id = '{trigger}'"
    middle = f"{of_trigger} AND fired_at < now() - interval '15 days' ORDER BY fired_at DESC, id DESC LIMIT 1"
    return {
        "trigger": trigger,
        "customer": scenery.customer(FIRST_CUSTOMER + CUSTOMERS // 2),
        "type": scenery.EVENT_TYPE,
        "since": text("SELECT to_char(now() - interval '1 hour', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"),
        "middle": text("SELECT (now() - interval '15 days')::date"),
        "event": text("SELECT event_id FROM events_event ORDER BY sequence DESC LIMIT 1"),
        "firing": text(f"SELECT id {of_trigger} ORDER BY fired_at DESC, id DESC LIMIT 1"),
        "middle_event": text("SELECT (min(sequence) + max(sequence)) / 2 FROM events_event"),
        "middle_firing": text(
            "SELECT to_char(fired_at, 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"%2B00:00\"') || '~' || id " + middle
        ),
    }


def _text(product: Product, statement: str) -> str:
    row = product.database.execute(statement.encode()).fetchone()
    assert row is not None
    return str(row[0])
