"""How long a recommendation over 200 offers takes: alone, by the API, and in a batch as the engine asks.

In the test's own process, on the real PostgreSQL; the API is called without a network in between.
"""

import statistics
import time
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.db import transaction
from rest_framework.test import APIClient

from kaireon.core import clock
from kaireon.customers.working_set import WorkingSet
from kaireon.decisioning.recommending import recommend
from tests.decisioning.deciding import ask, make_flow
from tests.decisioning.offering import make_offer

pytestmark = [pytest.mark.benchmark, pytest.mark.django_db]

OFFERS = 200
CALLS = 500
BATCH = 500
CUSTOMERS = 100


@pytest.fixture
def bank(make_customer: Callable[..., None]) -> None:
    """200 offers, half of them for gold customers alone, and a flow with a formula over offer and customer."""
    for number in range(OFFERS):
        make_offer(
            f"off_{number:03}",
            priority=number % 100,
            business_value=Decimal(number * 7 % 50),
            attributes={"margin": number % 9 + 1},
            eligibility={"field": "customer.tier", "operator": "eq", "value": "gold"} if number % 2 else {},
        )
    make_flow(
        eligibility={"field": "customer.balance", "operator": "gte", "value": 0},
        score={"valueWeight": 0.5, "formula": "min(customer_balance / 1000, 20) * offer_margin"},
    )
    for number in range(CUSTOMERS):
        make_customer(f"cust_{number}", tier="gold" if number % 2 else "silver", balance=number * 500)


def _report(what: str, latencies_ms: list[float]) -> None:
    latencies_ms.sort()
    p50, p99 = statistics.median(latencies_ms), latencies_ms[int(len(latencies_ms) * 0.99)]
    print(f"\n  {what:<45} p50 {p50:6.1f} ms   p99 {p99:6.1f} ms")


def test_latency_of_one_recommendation(bank: None) -> None:
    latencies_ms = []
    for number in range(CALLS):
        began = time.perf_counter()
        now = clock.now()
        with transaction.atomic():
            (found,) = recommend([ask(f"cust_{number % CUSTOMERS}")], records=WorkingSet(now=now), now=now)
        latencies_ms.append((time.perf_counter() - began) * 1000)
        assert len(found.decisions) == 5  # type: ignore[union-attr]
    _report(f"one recommendation over {OFFERS} offers, stored", latencies_ms)


def test_latency_by_the_api(bank: None, editor_api: APIClient) -> None:
    latencies_ms = []
    for number in range(CALLS):
        body = {"customerId": f"cust_{number % CUSTOMERS}", "decisionFlowId": "df_cross_sell"}
        began = time.perf_counter()
        response = editor_api.post("/api/v1/recommend", body, format="json")
        latencies_ms.append((time.perf_counter() - began) * 1000)
        assert response.status_code == 200
    _report(f"POST /recommend over {OFFERS} offers", latencies_ms)


def test_recommendations_per_second_in_a_batch(bank: None) -> None:
    asks = [ask(f"cust_{number % CUSTOMERS}") for number in range(BATCH)]
    began = time.perf_counter()
    now = clock.now()
    with transaction.atomic():
        recommend(asks, records=WorkingSet(now=now), now=now)
    seconds = time.perf_counter() - began
    print(f"\n  {f'in a batch of {BATCH} over {OFFERS} offers':<45} {BATCH / seconds:10,.0f} recommendations/s")
