"""The asynchronous door: hints in, work off."""

from typing import Any

from celery import shared_task

from kaireon.events.drain import drain_lane, waiting_lanes
from kaireon.events.lanes import DRAIN_TASK, are_plenty_sent, send_hints, send_on


@shared_task(name=DRAIN_TASK)
def drain_lane_task(*, lane: int, number: int | None = None, **_: Any) -> None:
    """Works off one lane for a turn; takes its place at the end of the queue where something is left.

    A message from an older version has no number.
    """
    if drain_lane(lane):
        send_on(lane, number=number)


@shared_task(name="kaireon.events.wake_waiting_lanes")
def wake_waiting_lanes(**_: Any) -> None:
    """The sweeper: finds what a lost message left lying, and what is due for another try.

    Where workers are far behind with the messages that they have, it adds none.
    """
    if not are_plenty_sent():
        send_hints(waiting_lanes())
