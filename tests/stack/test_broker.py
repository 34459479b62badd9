"""Workers and their broker: one that loses its connection makes room for a new one, and the work goes on."""

from collections.abc import Callable

import pytest

from kaireon.core import clock
from kaireon.core.heartbeat import silent_queues
from kaireon.core.redis import redis_client
from kaireon.events.ingestion import ingest
from kaireon.events.models import Event
from kaireon.events.tasks import wake_waiting_lanes
from tests.stack.conftest import Worker, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.stack, pytest.mark.timeout(120)]


def test_a_worker_that_loses_its_broker_ends_and_the_next_one_goes_on(
    transactional_db: None, start_worker: Callable[[str], Worker]
) -> None:
    worker = start_worker("events")
    wait_until(lambda: "events" not in silent_queues(), "the worker is there")
    redis_client().client_kill_filter(_type="normal", skipme=True)
    # Those of this process that lay in its pool were cut as well.
    redis_client().connection_pool.disconnect()
    wait_until(lambda: worker.process.poll() is not None, "the worker has ended")
    assert worker.process.returncode != 0  # or a supervisor that restarts after failures would let it be

    body = [{"eventType": "ping", "customerId": f"cust_{number}"} for number in range(100)]
    ingest(body, source="api", now=clock.now())
    start_worker("events")

    def is_processed() -> bool:
        wake_waiting_lanes()
        return Event.objects.filter(status="processed").count() == 100

    wait_until(is_processed, "all events are processed")
