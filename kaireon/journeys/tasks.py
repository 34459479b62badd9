"""What Celery runs. Beat starts it every few seconds; nothing depends on a message that could get lost."""

from typing import Any

from celery import current_app, shared_task

from kaireon.core import clock
from kaireon.journeys.resuming import end_abandoned, resume_due

TASK = "kaireon.journeys.resume_due"
# So that other tasks get their turn; a message for the rest costs next to nothing.
RUN_SECONDS = 20.0


@shared_task(name=TASK)
def resume_due_enrolments(**_: Any) -> None:
    """Moves on whose wait is over, and ends who is in a journey that is archived or gone."""
    now = clock.now()
    end_abandoned(now=now)
    if resume_due(now=now, run_seconds=RUN_SECONDS):
        current_app.send_task(TASK, retry=False)
