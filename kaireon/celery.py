"""The Celery application: which tasks there are, on which queue, and what beat starts how often.

A task's message is a hint ("lane 3 has work"); what there is to do stands in PostgreSQL. So a lost message costs a
moment, and a task may run twice.
"""

import logging.config
import os
from typing import Any

from celery import Celery, bootsteps
from celery.signals import (
    setup_logging,
    task_postrun,
    worker_process_init,
    worker_process_shutdown,
    worker_ready,
)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kaireon.settings")

from django.conf import settings  # noqa: E402  the settings module has to be named first
from django.db import connections  # noqa: E402  as above

from kaireon.core import counters, signs_of_life  # noqa: E402  as above
from kaireon.core.garbage import look_for_garbage_seldom  # noqa: E402  as above
from kaireon.core.heartbeat import QUEUES, beat  # noqa: E402  as above

app = Celery("kaireon")
app.conf.update(settings.CELERY)
app.conf.task_default_queue = "events"
app.conf.beat_scheduler = "kaireon.beat:Scheduler"
app.conf.task_routes = {"kaireon.delivery.*": {"queue": "delivery"}}
app.conf.beat_schedule = {
    "wake lanes with waiting events": {
        "task": "kaireon.events.wake_waiting_lanes",
        "schedule": 5.0,
        "options": {"expires": 5},
    },
    "take up re-evaluations of segments": {
        "task": "kaireon.customers.resume_reevaluations",
        "schedule": 5.0,
        "options": {"expires": 5},
    },
    "send deliveries that are due": {
        "task": "kaireon.delivery.send_due",
        "schedule": 2.0,
        # A sender that works off a backlog must not find one message for each moment that it was busy.
        "options": {"expires": 2},
    },
    "move on journeys whose waits are over": {
        "task": "kaireon.journeys.resume_due",
        "schedule": 5.0,
        "options": {"expires": 5},
    },
    "seal the audit log": {
        "task": "audit.seal",
        "schedule": 10.0,
        "options": {"expires": 10},
    },
    "delete what is past its age": {
        "task": "kaireon.core.retention",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "tell of offers that have ended": {
        "task": "kaireon.decisioning.expire_offers",
        "schedule": 5.0,
        "options": {"expires": 5},
    },
} | {
    f"{queue} worker is alive": {
        "task": "kaireon.core.heartbeat",
        "schedule": 5.0,
        "kwargs": {"queue": queue},
        "options": {"queue": queue, "expires": 15},
    }
    for queue in QUEUES
}
app.autodiscover_tasks()


class SignOfLife(bootsteps.StartStopStep):
    """Says every few seconds, from the loop that takes messages up, that this worker lives: a loop that hangs, or that
    has lost its broker, is silent. It starts anew with each new connection, as Celery clears its timers then."""

    requires = ("celery.worker.consumer:Connection",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._entry: Any = None

    def start(self, parent: Any) -> None:
        """`parent` is the consumer."""
        programs = [queue for queue in parent.app.amqp.queues.consume_from if queue in QUEUES]

        def show_life() -> None:
            for program in programs:
                signs_of_life.show(program)

        show_life()
        self._entry = parent.timer.call_repeatedly(signs_of_life.EVERY_SECONDS, show_life)

    def stop(self, parent: Any) -> None:
        """As above."""
        if self._entry is not None:
            self._entry.cancel()
            self._entry = None


app.steps["consumer"].add(SignOfLife)


@setup_logging.connect
def use_the_projects_logging(**_: Any) -> None:
    """Celery's own log set-up would undo ours."""
    logging.config.dictConfig(settings.LOGGING)


@worker_ready.connect
def show_life_at_the_start(sender: Any, **_: Any) -> None:
    """Beat asks for the next sign of life only some seconds later."""
    for queue in sender.app.amqp.queues.consume_from:
        beat(queue)


@task_postrun.connect
def show_life_with_each_task(task: Any, **_: Any) -> None:
    """A worker that is busy with a backlog comes late to the messages that only ask for a sign of life.

    After the task: an event at rest should not wait for it.
    """
    queue = (task.request.delivery_info or {}).get("routing_key")
    if queue in QUEUES:
        beat(queue)


@task_postrun.connect
def give_up_a_broken_database_connection(**_: Any) -> None:
    """Connections stay open from task to task (CELERY_DB_REUSE_MAX); one that an error left broken must not."""
    for connection in connections.all(initialized_only=True):
        connection.close_if_unusable_or_obsolete()


@worker_process_init.connect
def begin_a_process_of_the_pool(**_: Any) -> None:
    """All modules are loaded before the pool is forked."""
    look_for_garbage_seldom()


@worker_process_shutdown.connect
def hand_over_what_was_counted(**_: Any) -> None:
    """A process of the pool ends without Python's own goodbyes."""
    counters.hand_over()
