"""The asynchronous door: hints in, work off."""

from collections.abc import Mapping
from typing import Any

from celery import shared_task
from django.db import connection

from kaireon.events.drain import drain_lanes, waiting_lanes
from kaireon.events.lanes import DRAIN_TASK, are_plenty_sent, hints_read, send_hints, send_on


@shared_task(name=DRAIN_TASK)
def drain_lanes_task(
    *, lane: int, number: int | None = None, others: Mapping[str, int] | None = None, **_: Any
) -> None:
    """Works off lanes for a turn; each in which something is left takes its place at the end of the queue.

    A message from an older version has no number, or no others.
    """
    numbers: dict[int, int | None] = {lane: number} | {
        int(other): its_number for other, its_number in (others or {}).items()
    }
    # The drain notices by itself where PostgreSQL has closed the connection, and tries again with a new one. Django
    # would ask beforehand, in each task.
    connection.health_check_done = True  # type: ignore[attr-defined]  # the stubs leave this attribute out
    hints_read(numbers)
    send_on(drain_lanes(numbers))


@shared_task(name="kaireon.events.wake_waiting_lanes")
def wake_waiting_lanes(**_: Any) -> None:
    """The sweeper: finds what a lost message left lying, and what is due for another try.

    Where workers are far behind with the messages that they have, it adds none.
    """
    if not are_plenty_sent():
        send_hints([lane] for lane in waiting_lanes())
