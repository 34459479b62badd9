"""`make bench`: how many customers a second a re-evaluation gets through, and what segments cost a bulk upsert.

In the benchmark's own process, on the real PostgreSQL, by the functions that the workers call. Nothing is asserted
about time: machines differ, and only figures of one run can be compared with each other.
"""

import time

import pytest
from django.db import connection

from kaireon.core import clock
from kaireon.customers.models import Membership
from kaireon.customers.records import upsert_rows
from kaireon.customers.segments import update_segment
from kaireon.events.models import Event
from tests.benchmarks.measuring import Report
from tests.customers.factories import PROFILE, make_schema
from tests.segments.population import members, settle, settled_segment

pytestmark = [pytest.mark.benchmark, pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]

CUSTOMERS = 100_000
FIELDS = {"tier": "text", "event_count": "integer", "email": "text", "balance": "decimal"}
ROWS = 1_000
SEGMENTS = 20

_POPULATE = """
    INSERT INTO customers_record (schema_id, customer_id, attributes, created_at, updated_at)
    SELECT %s, 'cust_' || lpad(number::text, 8, '0'),
           jsonb_build_object('tier', CASE number %% 2 WHEN 0 THEN 'gold' ELSE 'silver' END, 'event_count', number,
                              'email', number || '@example.com', 'balance', number * 0.25), now(), now()
    FROM generate_series(1, %s) AS number
"""


def of_tier(tier: str) -> dict[str, object]:
    """Two leaves, one of which decides."""
    return {
        "all": [
            {"field": "customer.event_count", "operator": "gte", "value": 0},
            {"field": "customer.tier", "operator": "eq", "value": tier},
        ]
    }


def test_customers_per_second_of_a_re_evaluation(report: Report) -> None:
    make_schema(fields=FIELDS)
    with connection.cursor() as cursor:
        cursor.execute(_POPULATE, [PROFILE, CUSTOMERS])
        cursor.execute("ANALYZE customers_record")
    began = time.perf_counter()
    settled_segment("seg_bench", of_tier("gold"))
    entering = time.perf_counter() - began
    assert Membership.objects.count() == Event.objects.count() == CUSTOMERS // 2
    began = time.perf_counter()
    update_segment(segment_id="seg_bench", criteria=of_tier("silver"), now=clock.now())
    settle("seg_bench")
    moving = time.perf_counter() - began
    assert Event.objects.count() == CUSTOMERS // 2 + CUSTOMERS
    began = time.perf_counter()
    update_segment(segment_id="seg_bench", criteria={"all": [of_tier("silver")]}, now=clock.now())
    settle("seg_bench")
    staying = time.perf_counter() - began
    assert Event.objects.count() == CUSTOMERS // 2 + CUSTOMERS
    report.add(
        "Re-evaluation of a segment",
        {
            "half of all customers enter": [CUSTOMERS / entering],
            "every customer enters or exits": [CUSTOMERS / moving],
            "nobody moves": [CUSTOMERS / staying],
        },
        unit="customers/s",
        note=f"{CUSTOMERS:,} customers, one worker; each who moves has a membership and an event written",
    )


def test_rows_per_second_of_a_bulk_upsert_with_segments(report: Report) -> None:
    make_schema(fields=FIELDS)
    plain = _rows_per_second(offset=0)
    for number in range(SEGMENTS):
        settled_segment(f"seg_{number}", {"field": "customer.event_count", "operator": "eq", "value": number})
    watched = _rows_per_second(offset=100)
    for number in range(SEGMENTS):
        update_segment(segment_id=f"seg_{number}", criteria=of_tier("gold"), now=clock.now())
        settle(f"seg_{number}")
    moving = _rows_per_second(offset=200, tiers=("gold", "silver"))
    assert len(members("seg_0")) == 0
    report.add(
        f"Bulk upsert of {ROWS:,} rows",
        {
            "no segments": [plain],
            f"{SEGMENTS} segments, nobody moves": [watched],
            f"{SEGMENTS} segments, every row moves in all": [moving],
        },
        unit="rows/s",
        baselines=["no segments"],
    )


def _rows_per_second(*, offset: int, tiers: tuple[str, str] = ("silver", "silver")) -> float:
    """Ten upserts that change every row."""
    began = time.perf_counter()
    for turn in range(10):
        rows = [
            {"customerId": f"cust_{number}", "tier": tiers[turn % 2], "event_count": 1_000 + offset + turn}
            for number in range(ROWS)
        ]
        upsert_rows(schema_id=PROFILE, rows=rows, now=clock.now())
    return 10 * ROWS / (time.perf_counter() - began)
