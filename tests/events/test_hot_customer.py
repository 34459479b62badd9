"""One customer with ten thousand waiting events: the other lanes go on meanwhile, the same lane in its order."""

import threading
from collections.abc import Mapping, Sequence
from datetime import datetime

import pytest
from django.db import connections

from kaireon.core import clock
from kaireon.core.copy_rows import copy_rows
from kaireon.events import consumers
from kaireon.events.consumers import Decision, QueuedEvent
from kaireon.events.drain import BATCH_SIZE, BATCHES_PER_TURN, drain_lanes, waiting_lanes
from kaireon.events.lanes import lane_of
from kaireon.events.models import LANE_COUNT, Event

HOT = "cust_hot"
HOT_LANE = lane_of(customer_id=HOT, event_id="")
HOT_EVENTS = 10_000
NEIGHBOUR = next(
    name for number in range(1000) if lane_of(customer_id=(name := f"cust_{number}"), event_id="") == HOT_LANE
)


class Recorder:
    """The only consumer: notes whose events it has seen, and stands still in the hot lane if it is told to."""

    def __init__(self) -> None:
        self.handled: list[str] = []
        self.is_in_hot_lane = threading.Event()
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def __call__(self, events: Sequence[QueuedEvent], *, now: datetime) -> Mapping[int, list[Decision]]:
        if events[0].lane == HOT_LANE:
            self.is_in_hot_lane.set()
            assert self.may_go_on.wait(30)
        self.handled += [event.event_id for event in events]
        return {}


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder()
    monkeypatch.setattr(consumers, "_consumers", {"recorder": recorder})
    return recorder


def store(customer_ids: Sequence[str], *, prefix: str) -> None:
    now = clock.now()
    columns = ("event_id", "event_type", "customer_id", "occurred_at", "received_at", "properties", "source", "cause",
               "depth", "lane", "status", "attempts", "error", "decisions")  # fmt: skip
    copy_rows(
        Event,
        columns,
        [
            (f"{prefix}{number}", "t", customer_id, now, now, {}, "test", "", 0,
             lane_of(customer_id=customer_id, event_id=""), "pending", 0, "", [])
            for number, customer_id in enumerate(customer_ids)
        ],
    )  # fmt: skip


def store_the_backlog_and_the_others() -> None:
    store([HOT] * HOT_EVENTS, prefix="hot")
    # Behind all of them: a customer of the same lane, and 320 customers of all the others.
    store([NEIGHBOUR], prefix="neighbour")
    others = [f"cust_{number}" for number in range(2000)]
    store([name for name in others if lane_of(customer_id=name, event_id="") != HOT_LANE][:320], prefix="other")


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_the_other_lanes_are_worked_off_while_the_hot_one_is_at_its_first_batch(recorder: Recorder) -> None:
    store_the_backlog_and_the_others()
    recorder.may_go_on.clear()

    def work_on_the_hot_lane() -> None:
        try:
            while drain_lanes([HOT_LANE]):
                pass
        finally:
            connections.close_all()

    hot = threading.Thread(target=work_on_the_hot_lane)
    hot.start()
    try:
        assert recorder.is_in_hot_lane.wait(20)
        for lane in range(LANE_COUNT):
            drain_lanes([lane])  # that of the hot one is taken, and left at once
        assert Event.objects.filter(event_id__startswith="other", status="processed").count() == 320
        assert Event.objects.filter(event_id__startswith="hot", status="pending").count() == HOT_EVENTS
        assert Event.objects.get(event_id="neighbour0").status == "pending"
        assert waiting_lanes() == [HOT_LANE]
    finally:
        recorder.may_go_on.set()
        hot.join(40)
    in_hot_lane = [event_id for event_id in recorder.handled if not event_id.startswith("other")]
    assert in_hot_lane == [*(f"hot{number}" for number in range(HOT_EVENTS)), "neighbour0"]


@pytest.mark.slow
@pytest.mark.django_db
def test_a_single_worker_lets_the_others_have_their_turn_after_2500_events(recorder: Recorder) -> None:
    store_the_backlog_and_the_others()
    assert drain_lanes([HOT_LANE]) == [HOT_LANE]
    assert Event.objects.filter(event_id__startswith="hot", status="processed").count() == BATCH_SIZE * BATCHES_PER_TURN
    assert BATCH_SIZE * BATCHES_PER_TURN == 2500
    for lane in waiting_lanes():
        if lane != HOT_LANE:
            assert drain_lanes([lane]) == []
    assert Event.objects.filter(event_id__startswith="other", status="processed").count() == 320
    assert Event.objects.filter(event_id__startswith="hot", status="pending").count() == HOT_EVENTS - 2500
