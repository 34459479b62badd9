"""Workers keep their database connection from task to task, and get over losing it."""

from collections.abc import Callable

import pytest
from django.db import connection

from kaireon.core import clock
from kaireon.events.ingestion import ingest
from kaireon.events.models import Event
from kaireon.events.tasks import wake_waiting_lanes
from tests.stack.conftest import Worker, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.stack, pytest.mark.timeout(120)]


def backends() -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'"
        )
        return {row[0] for row in cursor.fetchall()}


def send_and_wait(count: int) -> None:
    body = [{"eventType": "ping", "customerId": f"cust_{number}"} for number in range(count)]
    ingest(body, source="api", now=clock.now())

    def is_processed() -> bool:
        wake_waiting_lanes()
        return not Event.objects.filter(status="pending").exists()

    wait_until(is_processed, "all events are processed")


def test_a_connection_serves_many_tasks_and_a_broken_one_is_replaced(
    start_worker: Callable[[str], Worker],
) -> None:
    others = backends()  # threads of tests that came before may still hold theirs
    start_worker("events")
    for _ in range(5):
        send_and_wait(50)
    pids = backends() - others
    assert 1 <= len(pids) <= 2  # one for each process of the pool
    for _ in range(5):
        send_and_wait(50)
    assert pids <= backends()
    assert len(backends() - others) <= 2

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s::int[]) AS pid", [list(pids)])
    send_and_wait(50)
    assert not pids & backends()
    assert Event.objects.filter(status="processed").count() == 550
    assert not Event.objects.filter(attempts__gt=0).exists()
