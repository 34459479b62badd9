"""`make bench`: how many waits a second are taken up, for journeys that only wait, and for those that do something.

In the test's own process on the real PostgreSQL; one worker. Nothing is asserted about time: machines differ, and only
figures of one run can be compared with each other.
"""

import time
from typing import Any

import pytest
from django.db import connection

from kaireon.core import clock
from kaireon.customers.field_types import Field
from kaireon.customers.records import upsert_rows
from kaireon.customers.schemas import create_schema
from kaireon.events.models import Event
from kaireon.journeys.models import Enrolment
from kaireon.journeys.resuming import resume_due
from tests.benchmarks.measuring import Report
from tests.decisioning.deciding import make_channel, make_flow
from tests.decisioning.offering import make_offer
from tests.journeys.building import HOUR, edge, enrol, make_journey, node, one_wait

pytestmark = [pytest.mark.benchmark, pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]

WAITS = 10_000
OFFERS = 20


def _busy() -> dict[str, Any]:
    gold = {"field": "customer.tier", "operator": "eq", "value": "gold"}
    updates = [{"field": "visits", "expression": "visits + 1"}]
    return {
        "nodes": [
            node("start", "entry_trigger"),
            node("pause", "wait", delayHours=1),
            node("gold", "condition_split", condition=gold),
            node("decide", "nba_decision", decisionFlowId="df_cross_sell", limit=1),
            node("tell", "channel_action", channelId="ch_in_app", useRecommendation=True),
            node("count", "update", schemaId="schema_bench", updates=updates),
            node("end", "exit"),
        ],
        "edges": [
            edge("start", "pause"),
            edge("pause", "gold"),
            edge("gold", "decide", True),
            edge("gold", "end", False),
            edge("decide", "tell"),
            edge("tell", "count"),
            edge("count", "end"),
        ],
    }


@pytest.mark.parametrize("kind", ["wait, exit", "wait, split, decision, message, update, exit"])
def test_resuming_waits(kind: str, report: Report) -> None:
    fields = [Field("tier", "text"), Field("visits", "integer")]
    create_schema(schema_id="schema_bench", name="bench", fields=fields, now=clock.now())
    people = [f"c{number:05}" for number in range(WAITS)]
    for start in range(0, WAITS, 1000):
        rows = [{"customerId": one, "tier": "gold", "visits": 0} for one in people[start : start + 1000]]
        upsert_rows(schema_id="schema_bench", rows=rows, now=clock.now())
    for number in range(OFFERS):
        make_offer(f"off_{number}", name=f"Offer {number}", priority=number)
    make_flow()
    make_channel()
    journey = make_journey(one_wait() if kind == "wait, exit" else _busy())
    now = clock.now()
    began = time.perf_counter()
    for start in range(0, WAITS, 1000):
        enrol(journey, *people[start : start + 1000], now=now)
    enrolled = time.perf_counter() - began
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE journeys_enrolment")
    began = time.perf_counter()
    resume_due(now=now + HOUR)
    resumed = time.perf_counter() - began
    assert Enrolment.objects.filter(status="completed").count() == WAITS
    assert Event.objects.filter(event_type="journey.completed").count() == WAITS
    report.add(
        f"Journeys: {kind}",
        {"enrolled by hand, 1000 a call": [WAITS / enrolled], "waits resumed, one worker": [WAITS / resumed]},
        unit="customers/s",
        note=f"{WAITS:,} customers",
    )
