"""Journeys with real workers: killed in the middle of their batches, and started by beat as the product starts them."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from celery import current_app

from kaireon.core import clock
from kaireon.events.models import Event
from kaireon.journeys.models import Enrolment
from kaireon.journeys.tasks import TASK
from tests.journeys.building import JOURNEYS, enrol, make_journey, one_wait
from tests.launch.running import Running, wait_for
from tests.stack.conftest import Worker, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.stack, pytest.mark.timeout(300)]

CUSTOMERS = 8_000
KILLS = 3


def test_workers_that_are_killed_among_their_batches_end_each_wait_once(
    transactional_db: None, start_worker: Callable[[str], Worker]
) -> None:
    journey = make_journey(one_wait())
    people = [f"c{number:05}" for number in range(CUSTOMERS)]
    an_hour_ago = clock.now() - timedelta(hours=1)
    for start in range(0, CUSTOMERS, 1000):
        enrol(journey, *people[start : start + 1000], now=an_hour_ago)

    def completed() -> int:
        return Enrolment.objects.filter(status="completed").count()

    killed_with_work_left = 0
    for _ in range(KILLS):
        before = completed()
        worker = start_worker("events")
        nudge()

        def has_moved(before: int = before) -> bool:
            return completed() > before

        wait_until(has_moved, "the worker has moved some on")
        worker.kill()
        killed_with_work_left += completed() < CUSTOMERS
        if completed() == CUSTOMERS:
            break
    assert killed_with_work_left > 0, "the workers were through before they were killed; enrol more customers"

    start_worker("events")

    def all_are_through() -> bool:
        nudge()
        return completed() == CUSTOMERS

    wait_until(all_are_through, "all are through")
    told = Counter(Event.objects.filter(event_type="journey.completed").values_list("customer_id", flat=True))
    assert told == dict.fromkeys(people, 1)
    assert {len(history) for history in Enrolment.objects.values_list("history", flat=True)} == {4}


def test_beat_takes_up_what_is_due(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with Running(home, KAIREON_LOG_LEVEL="WARNING") as running:
        running.wait_until_ready()
        key = json.loads((home / "demo.json").read_text())["apiKey"]
        body = {"id": "jrn_short", "name": "Short", "status": "active", "definition": one_wait(delayHours=0.0001)}
        assert running.ask(JOURNEYS, key=key, body=body)[0] == 201
        assert running.ask(f"{JOURNEYS}/jrn_short/enroll", key=key, body={"customerId": "ada"})[0] == 201

        def is_completed() -> bool:
            answer = json.loads(running.ask(f"{JOURNEYS}/jrn_short/enrollments", key=key)[1])
            return [one["status"] for one in answer["data"]] == ["completed"]

        wait_for(is_completed, patience_s=60, what="the wait has been taken up")

        def is_told() -> bool:
            answer = json.loads(running.ask("/api/v1/events?eventType=journey.completed", key=key)[1])
            return [one["customerId"] for one in answer["data"] if one["status"] == "processed"] == ["ada"]

        wait_for(is_told, patience_s=60, what="journey.completed has been processed")


def nudge() -> None:
    """What beat does each few seconds."""
    current_app.send_task(TASK, queue="events")
