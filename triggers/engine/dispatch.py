"""Carrying out actions: each type gets all its firings at once, and one that fails harms no other."""

import logging
import time
from collections.abc import Iterator, Sequence
from typing import Any

from django.db import InterfaceError, OperationalError, transaction
from msgspec import Struct
from redis import RedisError

from triggers.actions.base import Action, Result, Scope, Work
from triggers.engine.compilation import CompiledTrigger

logger = logging.getLogger(__name__)

Granted = tuple[CompiledTrigger, Work[Any]]


class Carried(Struct, frozen=True):
    """A firing and what came of it: `outcome` is that of `result`, `duration_ms` its share of its batch's time."""

    trigger: CompiledTrigger
    work: Work[Any]
    result: Result
    outcome: str
    duration_ms: float


def dispatch(granted: Sequence[Granted], scope: Scope) -> list[Carried]:
    """Carries out all of `granted`. Raises only where PostgreSQL or Redis is away."""
    carried: list[Carried] = []
    for group in _groups(granted):
        started = time.perf_counter()
        results = _execute(group, scope)
        duration_ms = (time.perf_counter() - started) * 1000 / len(group)
        carried += [
            Carried(trigger, work, result, result.outcome.value, duration_ms)
            for (trigger, work), result in zip(group, results, strict=True)
        ]
    return carried


def _groups(granted: Sequence[Granted]) -> Iterator[Sequence[Granted]]:
    """Firings of one type of action, in the order of their events and, within one event, of priority.

    Where a type reads the customer's record and another one changes it, the order between the types counts too: then
    each customer stands in the batch once, and the types take turns as the triggers' priorities have it.
    """
    writes = any(trigger.needs.may_write(None) for trigger, _ in granted)
    reads = any(trigger.needs.reads_customer for trigger, _ in granted)
    if not (writes and reads):
        by_type: dict[str, list[Granted]] = {}
        for one in granted:
            by_type.setdefault(one[0].action.action_type, []).append(one)
        yield from by_type.values()
        return
    group: list[Granted] = []
    for one in sorted(granted, key=lambda one: (-one[0].priority, one[0].id)):
        if group and group[-1][0].action is not one[0].action:
            yield group
            group = []
        group.append(one)
    if group:
        yield group


def _execute(group: Sequence[Granted], scope: Scope) -> list[Result]:
    action: Action[Any] = group[0][0].action
    works = [work for _, work in group]
    try:
        with transaction.atomic():
            return action.execute(works, scope)
    except (OperationalError, InterfaceError, RedisError):
        raise
    except Exception:
        # A bug in an action. Which firing meets it shows one by one; the others must not pay for it.
        logger.exception("An action broke on a batch; its firings are carried out one by one")
        scope.records.forget()
        return [_execute_alone(action, work, scope) for work in works]


def _execute_alone(action: Action[Any], work: Work[Any], scope: Scope) -> Result:
    try:
        with transaction.atomic():
            return action.execute([work], scope)[0]
    except (OperationalError, InterfaceError, RedisError):
        raise
    except Exception as error:
        # As above; the log has the traceback, the firing has the kind of error and where to look.
        logger.exception("An action broke", extra={"firing_id": work.firing_id})
        scope.records.forget()
        return Result.failed(f"The action broke with {type(error).__name__}; the worker's log has more under this id.")
