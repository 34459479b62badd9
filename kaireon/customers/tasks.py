"""The asynchronous door of segments, on the queue `events`."""

from typing import Any

from celery import shared_task

from kaireon.core import clock
from kaireon.customers.reevaluation import TASK, reevaluate, stalled, wake

# Short, so that events don't wait long for a worker.
RUN_SECONDS = 2.0


@shared_task(name=TASK)
def reevaluate_segment(*, segment_id: str, **_: Any) -> None:
    """Goes on with a segment's re-evaluation for a turn; takes its place at the end of the queue for the rest."""
    if reevaluate(segment_id, run_seconds=RUN_SECONDS):
        wake(segment_id)


@shared_task(name="kaireon.customers.resume_reevaluations")
def resume_reevaluations(**_: Any) -> None:
    """Takes up what a lost message, a worker that died or locked records left lying."""
    for segment_id in stalled(now=clock.now()):
        wake(segment_id)
