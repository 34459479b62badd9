"""Workers that are killed in the middle of a batch: nothing lost, nothing twice."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import connection

from audit.models import Entry
from kaireon.core import clock
from kaireon.customers.models import Record
from kaireon.customers.records import upsert_rows
from kaireon.delivery.models import Delivery
from kaireon.events.ingestion import ingest
from kaireon.events.models import Event
from kaireon.events.tasks import wake_waiting_lanes
from tests.stack.conftest import Worker, database_url, wait_until
from tests.triggers.fixtures import process_all
from triggers.models import Firing, Trigger

pytestmark = [pytest.mark.slow, pytest.mark.stack, pytest.mark.timeout(300)]

CUSTOMERS = 100
EVENTS = 12_000
KILLS = 4


@pytest.fixture
def triggers(transactional_db: None, schema: Any, make_trigger: Callable[..., Trigger]) -> None:
    """One that counts, one with a cooldown that counts a hundred, one that calls a webhook."""
    rows = [{"customerId": f"cust_{number}", "event_count": 0, "balance": 0} for number in range(CUSTOMERS)]
    upsert_rows(schema_id=schema.pk, rows=rows, now=clock.now())
    process_all()

    def add(field: str, expression: str) -> dict[str, Any]:
        return {"schemaId": schema.pk, "updates": [{"field": field, "expression": expression}]}

    make_trigger(id="trg_each", actionConfig=add("event_count", "event_count + 1"))
    make_trigger(id="trg_daily", actionConfig=add("balance", "balance + 100"), cooldownMs=86_400_000)
    make_trigger(
        id="trg_hook",
        condition={"field": "number", "operator": "lt", "value": 1000},
        actionType="webhook",
        actionConfig={"url": "https://receiver.example.com/hook"},
    )


def test_a_worker_killed_in_mid_batch_loses_nothing_and_does_nothing_twice(
    triggers: None, start_worker: Callable[[str], Worker]
) -> None:
    for start in range(0, EVENTS, 1000):
        body = [
            {"eventType": "purchase", "customerId": f"cust_{number % CUSTOMERS}", "properties": {"number": number}}
            for number in range(start, start + 1000)
        ]
        ingest(body, source="api", now=clock.now())
    purchases = Event.objects.filter(event_type="purchase")

    def processed() -> int:
        return purchases.filter(status="processed").count()

    def everything_is_processed() -> bool:
        nudge()
        return not Event.objects.filter(status="pending").exists()

    killed_with_work_left = 0
    done = 0
    for _ in range(KILLS):
        worker = start_worker("events")
        nudge()

        def has_begun(before: int = done) -> bool:
            return processed() > before

        wait_until(has_begun, "the worker has begun")
        worker.kill()
        done = processed()
        killed_with_work_left += done < EVENTS
    assert killed_with_work_left > 0, "the workers were through before they were killed; send more events"

    start_worker("events")
    wait_until(everything_is_processed, "all events are processed")

    assert processed() == EVENTS
    assert Event.objects.filter(status="failed").count() == 0
    fired = Counter(Firing.objects.values_list("trigger_id", flat=True))
    assert fired == {"trg_each": EVENTS, "trg_daily": CUSTOMERS, "trg_hook": 1000}
    assert Delivery.objects.count() == 1000
    assert Entry.objects.filter(action="trigger.fired").count() == EVENTS + CUSTOMERS + 1000
    assert Event.objects.filter(event_type="customer.updated").count() == EVENTS + CUSTOMERS
    assert {tuple(sorted(record.attributes.items())) for record in Record.objects.all()} == {
        (("balance", 100), ("event_count", EVENTS // CUSTOMERS)),
    }


def test_a_worker_killed_after_its_writes_and_before_its_commit_has_written_nothing(
    triggers: None, start_worker: Callable[[str], Worker]
) -> None:
    body = [
        {"eventType": "purchase", "customerId": f"cust_{number % CUSTOMERS}", "properties": {"number": number}}
        for number in range(1000)
    ]
    ingest(body, source="api", now=clock.now())
    with psycopg.connect(database_url()) as blocker:
        # The audit entries are what a batch writes last but one.
        blocker.execute("LOCK TABLE audit_entry IN EXCLUSIVE MODE")
        worker = start_worker("events")
        nudge()
        wait_until(lambda: writers_that_wait() >= 2, "both processes of the pool wait to write audit entries")
        worker.kill()
        blocker.rollback()
    wait_until(lambda: writers() == 0, "PostgreSQL has noticed that the workers are gone")
    assert Firing.objects.count() == 0
    assert Delivery.objects.count() == 0
    assert Event.objects.filter(event_type="customer.updated").count() == 0
    assert {record.attributes["event_count"] for record in Record.objects.all()} == {0}
    assert Event.objects.filter(event_type="purchase", status="pending").count() == 1000

    start_worker("events")

    def everything_is_processed() -> bool:
        nudge()
        return not Event.objects.filter(status="pending").exists()

    wait_until(everything_is_processed, "all events are processed")
    fired = Counter(Firing.objects.values_list("trigger_id", flat=True))
    assert fired == {"trg_each": 1000, "trg_daily": CUSTOMERS, "trg_hook": 1000}
    assert {record.attributes["event_count"] for record in Record.objects.all()} == {1000 // CUSTOMERS}


def writers_that_wait() -> int:
    return writers("AND wait_event_type = 'Lock'")


def writers(condition: str = "") -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            f" AND query LIKE 'COPY%%audit_entry%%' AND state <> 'idle' {condition}"
        )
        return int(cursor.fetchone()[0])


def nudge() -> None:
    """What beat does each few seconds."""
    wake_waiting_lanes()
