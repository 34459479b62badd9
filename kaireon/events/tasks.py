"""The asynchronous door: hints in, work off."""

from typing import Any

from celery import shared_task

from kaireon.events.drain import drain_lane, waiting_lanes
from kaireon.events.lanes import DRAIN_TASK, send_hints


@shared_task(name=DRAIN_TASK)
def drain_lane_task(*, lane: int, **_: Any) -> None:
    """Works off one lane for a turn; takes its place at the end of the queue where something is left."""
    if drain_lane(lane):
        send_hints([lane])


@shared_task(name="kaireon.events.wake_waiting_lanes")
def wake_waiting_lanes(**_: Any) -> None:
    """The sweeper: finds what a lost message left lying, and what is due for another try."""
    send_hints(waiting_lanes())
