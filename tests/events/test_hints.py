"""Messages that a lane has work: no more of them than are needed, however long a backlog lasts."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from celery import current_app
from django.db import connection

from kaireon.core import clock
from kaireon.core.redis import redis_client
from kaireon.events import drain
from kaireon.events.lanes import lane_of, send_hints, wake
from kaireon.events.models import Event
from kaireon.events.publish import NewEvent, publish
from kaireon.events.tasks import drain_lanes_task, wake_waiting_lanes

pytestmark = pytest.mark.django_db

LANE = lane_of(customer_id="cust_78", event_id="")


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The messages that were sent, in the place of the broker."""
    messages: list[dict[str, Any]] = []
    monkeypatch.setattr(current_app, "send_task", lambda name, *, kwargs, **_: messages.append(kwargs), raising=False)
    return messages


@pytest.fixture(autouse=True)
def _small_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain, "BATCH_SIZE", 10)
    monkeypatch.setattr(drain, "BATCHES_PER_TURN", 2)


def backlog(count: int) -> None:
    publish(
        [NewEvent(event_type="t", customer_id="cust_78", properties={}, source="test") for _ in range(count)],
        now=clock.now(),
    )


def test_a_lane_with_more_than_a_turn_sends_itself_on_and_ends_with_the_last_event(sent: list[dict[str, Any]]) -> None:
    backlog(50)
    send_hints([[LANE]])
    turns = 0
    while sent:
        drain_lanes_task(**sent.pop(0))
        turns += 1
        assert len(sent) <= 1
    assert turns == 3
    assert drain.waiting_lanes() == []


def test_of_several_messages_for_a_lane_one_goes_on(sent: list[dict[str, Any]]) -> None:
    """Ten rounds of the sweeper while workers are slow are ten messages; each of them has one turn."""
    backlog(1000)
    for _ in range(10):
        wake_waiting_lanes()
    assert len(sent) == 10
    for remaining in range(9, 0, -1):
        drain_lanes_task(**sent.pop(0))
        assert len(sent) == remaining
    drain_lanes_task(**sent.pop(0))
    assert [message["lane"] for message in sent] == [LANE]


def test_new_events_wake_their_lanes_together_until_a_message_has_125_of_them(sent: list[dict[str, Any]]) -> None:
    wake({1: 40, 2: 80, 4: 5, 7: 300, 8: 1, 15: 1})
    assert [[message["lane"], *map(int, message["others"])] for message in sent] == [[1, 2, 4], [7], [8, 15]]
    sent.clear()
    wake({2: 1, 3: 1, 15: 1})  # the hints for 2 and 15 are not read yet
    assert [(message["lane"], message["others"]) for message in sent] == [(3, {})]


def test_of_a_message_for_several_lanes_those_with_more_go_on_alone(sent: list[dict[str, Any]]) -> None:
    backlog(50)
    send_hints([[LANE, (LANE + 1) % 16, (LANE + 2) % 16]])
    drain_lanes_task(**sent.pop())
    assert sent == [{"lane": LANE, "number": 2, "others": {}}]


def test_a_message_that_found_its_lane_taken_is_not_waited_for(
    sent: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """New events woke another worker while the lane had its turn. That one left it alone, and won't come again."""
    backlog(50)
    send_hints([[LANE], [LANE]])
    first, second = sent
    sent.clear()
    whole_turn = drain.drain_lanes

    def turn_with_another_worker(lanes: Mapping[int, int | None]) -> list[int]:
        left = whole_turn(lanes)
        monkeypatch.setattr("kaireon.events.tasks.drain_lanes", lambda lanes: [])
        drain_lanes_task(**second)
        return left

    monkeypatch.setattr("kaireon.events.tasks.drain_lanes", turn_with_another_worker)
    drain_lanes_task(**first)
    assert sent == [{"lane": LANE, "number": 3, "others": {}}]


def test_a_message_of_an_older_version_goes_on_as_well(sent: list[dict[str, Any]]) -> None:
    backlog(50)
    send_hints([[LANE]])
    sent.clear()
    drain_lanes_task(lane=LANE)
    assert sent == [{"lane": LANE, "number": 2, "others": {}}]


def test_where_redis_lost_its_count_a_message_goes_on(sent: list[dict[str, Any]]) -> None:
    backlog(50)
    send_hints([[LANE]])
    redis_client().flushdb()
    drain_lanes_task(**sent.pop(0))
    assert len(sent) == 1


def test_the_sweeper_adds_none_where_workers_are_far_behind(sent: list[dict[str, Any]]) -> None:
    backlog(50)
    redis_client().rpush("events", *range(65))
    wake_waiting_lanes()
    assert sent == []
    redis_client().lpop("events")
    wake_waiting_lanes()
    assert len(sent) == 1


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_was_cut_between_two_tasks_costs_the_next_one_nothing(sent: list[dict[str, Any]]) -> None:
    publish([NewEvent(event_type="t", customer_id="cust_78", properties={}, source="test")], now=clock.now())
    backend = connection.connection.info.backend_pid
    with ThreadPoolExecutor(1) as another:
        another.submit(cut, backend).result()
    drain_lanes_task(**sent.pop())
    assert Event.objects.values_list("status", "attempts").get() == ("processed", 0)
    assert connection.connection.info.backend_pid != backend


def cut(backend: int) -> None:
    """Ends a connection from another one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])
    connection.close()
