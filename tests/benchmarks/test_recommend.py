"""How long a recommendation over 200 offers takes: alone, by the API, and in a batch as the engine asks.

In the test's own process, on the real PostgreSQL; the API is called without a network in between.
"""

import time
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.db import transaction
from rest_framework.test import APIClient

from kaireon.core import clock
from kaireon.customers.working_set import WorkingSet
from kaireon.decisioning.recommending import recommend
from tests.benchmarks.measuring import Report, percentile
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


def _add(report: Report, what: str, latencies_ms: list[float]) -> None:
    report.add(
        what,
        {"median": [percentile(latencies_ms, 0.5)], "99th percentile": [percentile(latencies_ms, 0.99)]},
        unit="ms",
        note=f"{OFFERS} offers, {len(latencies_ms)} calls",
    )


def test_latency_of_one_recommendation(bank: None, report: Report) -> None:
    latencies_ms = []
    for number in range(CALLS):
        began = time.perf_counter()
        now = clock.now()
        with transaction.atomic():
            (found,) = recommend([ask(f"cust_{number % CUSTOMERS}")], records=WorkingSet(now=now), now=now)
        latencies_ms.append((time.perf_counter() - began) * 1000)
        assert len(found.decisions) == 5  # type: ignore[union-attr]
    _add(report, "One recommendation, stored", latencies_ms)


def test_latency_by_the_api(bank: None, editor_api: APIClient, report: Report) -> None:
    latencies_ms = []
    for number in range(CALLS):
        body = {"customerId": f"cust_{number % CUSTOMERS}", "decisionFlowId": "df_cross_sell"}
        began = time.perf_counter()
        response = editor_api.post("/api/v1/recommend", body, format="json")
        latencies_ms.append((time.perf_counter() - began) * 1000)
        assert response.status_code == 200
    _add(report, "One recommendation by the API", latencies_ms)


def test_recommendations_per_second_in_a_batch(bank: None, report: Report) -> None:
    asks = [ask(f"cust_{number % CUSTOMERS}") for number in range(BATCH)]
    began = time.perf_counter()
    now = clock.now()
    with transaction.atomic():
        recommend(asks, records=WorkingSet(now=now), now=now)
    seconds = time.perf_counter() - began
    report.add(
        "Recommendations in a batch",
        {f"{BATCH} over {OFFERS} offers": [BATCH / seconds]},
        unit="a second",
    )
