"""What Celery runs, on the queue `delivery`."""

from typing import Any

from celery import shared_task

from kaireon.delivery import waking
from kaireon.delivery.sender import send_due

# Short, so that a worker that is asked to stop does so soon; a message for the rest costs next to nothing. Where
# receivers hang it may take two attempts longer, 40 s in all.
RUN_SECONDS = 10.0


@shared_task(name=waking.TASK)
def send_due_deliveries(**_: Any) -> None:
    """Sends what is due. Woken by whoever enqueues, and by beat for what is due later."""
    waking.clear_hint()
    if send_due(run_seconds=RUN_SECONDS):
        waking.wake()
