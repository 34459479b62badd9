"""`make bench`: what a cooldown's claim takes of Redis's memory, measured for a million claims.

Made as the engine makes them, 500 in a call, for customers and events with ids of a usual length.
"""

import os
from itertools import groupby
from typing import Any

import pytest

from kaireon.core.ids import time_ordered_id
from kaireon.core.redis import redis_client
from kaireon.events.lanes import lane_of
from tests.benchmarks.measuring import Report
from triggers.engine import cooldown

pytestmark = [pytest.mark.benchmark, pytest.mark.django_db]

CLAIMS = int(os.environ.get("BENCH_CLAIMS", "1000000"))
BATCH = 500
TRIGGER = "trg_high_value_purchase"
COOLDOWN_MS = 24 * 3_600_000


def used_memory() -> int:
    """Bytes, as Redis counts them."""
    facts: dict[str, Any] = redis_client().info("memory")
    return int(facts["used_memory"])


def test_bytes_a_claim(report: Report) -> None:
    customers = sorted((lane_of(customer_id=name, event_id=""), name) for name in map(customer, range(CLAIMS)))
    before = used_memory()
    for lane, members in groupby(customers, key=lambda one: one[0]):
        names = [name for _, name in members]
        for start in range(0, len(names), BATCH):
            claims = [
                cooldown.Claim(TRIGGER, COOLDOWN_MS, name, time_ordered_id("evt_"))
                for name in names[start : start + BATCH]
            ]
            answers = cooldown.claim(claims, lane=lane)
            assert all(isinstance(answer, cooldown.Granted) for answer in answers)
    report.add(
        "Redis's memory for a claim of a cooldown",
        {f"{CLAIMS:,} customers, one trigger": [(used_memory() - before) / CLAIMS]},
        unit="bytes",
        note=f"trigger {TRIGGER}, customers such as {customer(0)}, events such as {time_ordered_id('evt_')}",
    )


def customer(number: int) -> str:
    """An id."""
    return f"cust_{number:07}"
