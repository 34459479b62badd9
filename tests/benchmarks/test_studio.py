"""`make bench`: how long Studio's pages take with 10,000 triggers and 1,000,000 firings, by the median.

In the benchmark's own process, through the whole of Django, on the real PostgreSQL. Nothing is asserted about time:
machines differ, and only figures of one run can be compared with each other.
"""

import statistics
import time
from collections.abc import Mapping

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from kaireon.accounts.models import User
from kaireon.accounts.roles import Role
from kaireon.delivery.models import Delivery
from kaireon.events.models import Event
from tests.benchmarks.measuring import Report
from tests.benchmarks.studio_data import HOT_TRIGGER, generate
from tests.studio.routes import ROUTES
from triggers.models import Firing

pytestmark = [pytest.mark.benchmark, pytest.mark.django_db(transaction=True), pytest.mark.timeout(1800)]

ROUNDS = 9
TARGET_MS = 200

NARROWED = (
    "/studio/triggers?search=bench",
    "/studio/triggers?search=nowhere",
    "/studio/triggers?status=paused",
    "/studio/triggers?event_type=bench.type_7",
    "/studio/triggers?action_type=webhook",
    "/studio/triggers?priority=high",
    "/studio/triggers?sort=name",
    "/studio/triggers?sort=-fired",
    "/studio/triggers?sort=-count",
    "/studio/triggers?sort=-changed",
    "/studio/triggers?sort=-count&status=active&search=a",
    "/studio/triggers?page=200",
    f"/studio/triggers/{HOT_TRIGGER}?range=7d",
    f"/studio/triggers/{HOT_TRIGGER}?range=30d",
    "/studio/triggers/trg_bench_2?range=30d",
    f"/studio/triggers/{HOT_TRIGGER}/firings?outcome=failed",
    f"/studio/triggers/{HOT_TRIGGER}/firings?outcome=skipped",
    f"/studio/triggers/{HOT_TRIGGER}/firings?customer=cust_4",
    "/studio/bulk/triggers?action=pause&which=all",
    "/studio/events?status=failed",
    "/studio/events?event_type=bench.type_7",
    "/studio/events?customer=cust_7",
    "/studio/deliveries?status=dead",
    f"/studio/deliveries?source_id={HOT_TRIGGER}",
    "/studio/customers?search=cust_77",
)
"""Lists with filters and orders, and pages of what there is most of; every other page is found by its route."""


def test_the_median_of_each_page(report: Report) -> None:
    began = time.perf_counter()
    generate()
    print(f"\n  filled in {time.perf_counter() - began:.0f} s")
    client = Client()
    client.force_login(User.objects.create_user(username="bench", role=Role.ADMIN))
    figures = dict(_measure(client, path) for path in [*_pages(), *NARROWED])
    slow = sum(statistics.median(taken_ms) > TARGET_MS for taken_ms in figures.values())
    report.add(
        "Studio's pages",
        figures,
        unit="ms",
        note=f"{slow} pages over {TARGET_MS} ms" if slow else f"every page within {TARGET_MS} ms",
    )


def _pages() -> list[str]:
    """Every page that needs no id, or one of those that there are."""
    ids = _ids()
    readable = [route for route in ROUTES if "GET" in route.methods and set(route.parameters) <= ids.keys()]
    return [route.path(ids) for route in readable]


def _ids() -> Mapping[str, str]:
    firing = Firing.objects.filter(trigger_id=HOT_TRIGGER).order_by("-fired_at", "-id")[0]
    return {
        "trigger_id": HOT_TRIGGER,
        "firing_id": firing.pk,
        "event_id": Event.objects.order_by("-sequence").values_list("event_id", flat=True)[0],
        "customer_id": str(firing.customer_id),
        "delivery_id": Delivery.objects.order_by("-id").values_list("pk", flat=True)[0],
    }


def _measure(client: Client, path: str) -> tuple[str, list[float]]:
    """The page with its number of queries, and how long it took each time."""
    with CaptureQueriesContext(connection) as queries:
        status = client.get(path).status_code
        asked = len(queries)
    assert status < 400, f"{path}: {status}"
    taken_ms = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        client.get(path)
        taken_ms.append((time.perf_counter() - began) * 1000)
    return f"{path} ({asked} queries)", taken_ms
