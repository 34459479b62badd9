"""What old and new programs say to each other while a new version is brought in: messages, and the tables' shape."""

import inspect
from collections.abc import Iterator
from typing import Any

import pytest
from celery import current_app
from django.db import models
from django.db.migrations import operations
from django.db.migrations.loader import MigrationLoader
from django.db.models import NOT_PROVIDED

from kaireon.celery import app
from kaireon.core import signs_of_life

OURS = (
    "audit",
    "accounts",
    "core",
    "customers",
    "decisioning",
    "delivery",
    "events",
    "journeys",
    "secrets",
    "triggers",
)

# Messages of an old version lie in the queues when a new one starts, and old workers read messages of new programs. So
# a task keeps its name, its queue and what it needs. A new task gets a line here; a line changes only in two versions:
# first the workers learn the new way, then the senders use it, then the old way goes.
TASKS = {
    "audit.seal": ("events", ()),
    "kaireon.core.heartbeat": ("events", ("queue",)),
    "kaireon.core.retention": ("events", ()),
    "kaireon.customers.reevaluate_segment": ("events", ("segment_id",)),
    "kaireon.customers.resume_reevaluations": ("events", ()),
    "kaireon.decisioning.expire_offers": ("events", ()),
    "kaireon.delivery.send_due": ("delivery", ()),
    "kaireon.events.drain_lane": ("events", ("lane",)),
    "kaireon.events.wake_waiting_lanes": ("events", ()),
    "kaireon.journeys.resume_due": ("events", ()),
}


def our_tasks() -> dict[str, Any]:
    app.loader.import_default_modules()
    return {name: task for name, task in current_app.tasks.items() if not name.startswith("celery.")}


def signature_of(task: Any) -> inspect.Signature:
    return inspect.signature(task.run)


def test_tasks_keep_their_names_their_queues_and_what_they_need() -> None:
    found = {}
    for name, task in our_tasks().items():
        route = app.amqp.router.route({}, name)
        queue = route["queue"].name if "queue" in route else app.conf.task_default_queue
        needed = [
            parameter.name
            for parameter in signature_of(task).parameters.values()
            if parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD
        ]
        found[name] = (queue, tuple(needed))
    assert found == TASKS


def test_every_task_passes_over_arguments_that_it_does_not_know() -> None:
    for name, task in our_tasks().items():
        kinds = [parameter.kind for parameter in signature_of(task).parameters.values()]
        assert inspect.Parameter.VAR_KEYWORD in kinds, name
        assert set(kinds) <= {inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD}, name


def test_an_old_worker_carries_out_a_message_with_an_argument_of_tomorrow(db: None) -> None:
    result = our_tasks()["kaireon.core.heartbeat"].apply(kwargs={"queue": "events", "of_tomorrow": 1})
    assert result.successful()


def test_beat_asks_for_tasks_that_there_are_with_what_they_need() -> None:
    tasks = our_tasks()
    for entry in app.conf.beat_schedule.values():
        signature_of(tasks[entry["task"]]).bind(**entry.get("kwargs", {}))


def test_programs_are_told_apart_by_the_queues_that_there_are() -> None:
    assert set(signs_of_life.PROGRAMS) - {"beat"} == {queue for queue, _ in TASKS.values()}


def later_operations() -> Iterator[tuple[str, Any]]:
    """The operations of our migrations that meet tables which old code may be using."""
    loader = MigrationLoader(None)
    for (label, name), migration in sorted(loader.disk_migrations.items()):
        if label in OURS:
            made_here = {
                operation.name_lower
                for operation in migration.operations
                if isinstance(operation, operations.CreateModel)
            }
            for operation in migration.operations:
                if getattr(operation, "model_name", "").lower() not in made_here:
                    yield f"{label}.{name}", operation


def breaks_old_code(operation: Any) -> str:
    """Why `operation` can't run while old code serves; empty where it can."""
    match operation:
        case operations.RemoveField() | operations.RenameField() | operations.DeleteModel() | operations.RenameModel():
            return "old code still asks for what it takes away"
        case operations.AddField(field=field):
            can_be_left_out = field.null or field.db_default is not NOT_PROVIDED or field.many_to_many
            return "" if can_be_left_out else "old code inserts rows without it: let it be null, or give a db_default"
    return ""


def test_migrations_can_run_while_old_code_serves() -> None:
    found = list(later_operations())
    assert found
    assert [(name, repr(operation)) for name, operation in found if breaks_old_code(operation)] == []


@pytest.mark.parametrize(
    ("operation", "breaks"),
    [
        (operations.RemoveField("Event", "cause"), True),
        (operations.DeleteModel("Event"), True),
        (operations.RenameField("Event", "cause", "why"), True),
        (operations.AddField("Event", "weight", models.IntegerField(default=1)), True),
        (operations.AddField("Event", "weight", models.IntegerField(db_default=1)), False),
        (operations.AddField("Event", "weight", models.IntegerField(null=True)), False),
    ],
)
def test_control_what_old_code_can_not_bear_is_noticed(operation: Any, breaks: bool) -> None:
    assert bool(breaks_old_code(operation)) is breaks
