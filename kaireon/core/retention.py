"""What is past its age is deleted: each package registers rules for its own rows, and beat starts a run each minute.

A rule deletes batch after batch, each in a short transaction of its own, and passes over rows that somebody has locked;
so live work waits, for one batch at most, only where it wants the very same rows. Runs may overlap, on any number of
machines.
"""

import logging
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from django.db import transaction

logger = logging.getLogger(__name__)

PositionT = TypeVar("PositionT")

BATCH_SIZE = 1000
RULE_SECONDS = 5.0
"""No rule begins a batch after this; what is left is for the next run."""
RUN_SECONDS = 20.0
"""Nor does any rule after this: a worker that deletes is one less for events."""


@dataclass(frozen=True, slots=True)
class Age:
    """What is older than `cutoff` may go, as far as nobody needs it at `now`."""

    cutoff: datetime
    now: datetime


@dataclass(frozen=True, slots=True)
class Step(Generic[PositionT]):
    """One batch: how many rows it deleted, and the last one that it looked at; None where it came to the end.

    The next batch goes on behind it, so that rows which are kept are looked at once a run.
    """

    deleted: int
    last: PositionT | None


Sweep = Callable[[Age], Iterator[int]]
"""Deletes batch after batch and says of each how many rows it was. It may be left at any point."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What goes by the name of `name`, and after how many days; 0 keeps it for ever."""

    name: str
    days: Callable[[], int]
    sweep: Sweep


_rules: dict[str, Rule] = {}


def register(rule: Rule) -> None:
    """Adds a rule; the same name again replaces it."""
    _rules[rule.name] = rule


def batches(step: Callable[[PositionT | None], Step[PositionT]]) -> Iterator[int]:
    """Calls `step`, each time in a transaction of its own, with the last position of the call before."""
    after: PositionT | None = None
    while True:
        with transaction.atomic():
            done = step(after)
        yield done.deleted
        if done.last is None:
            return
        after = done.last


def run(*, now: datetime, run_seconds: float = RUN_SECONDS) -> dict[str, int]:
    """Deletes what is past its age, and answers how many rows of each rule that found any.

    The rules take turns at being first, so that none comes short for ever where there is more than a run can do.
    """
    stop_at = time.monotonic() + run_seconds
    deleted: dict[str, int] = {}
    for rule in random.sample(list(_rules.values()), len(_rules)):
        days = rule.days()
        if not days:
            continue
        began = time.monotonic()
        for count in rule.sweep(Age(now - timedelta(days=days), now)):
            if count:
                deleted[rule.name] = deleted.get(rule.name, 0) + count
            if time.monotonic() >= min(stop_at, began + RULE_SECONDS):
                break
        if time.monotonic() >= stop_at:
            break
    if deleted:
        counts = ", ".join(f"{count} {name}" for name, count in sorted(deleted.items()))
        logger.info("Deleted what is past its age: %s", counts)
    return deleted
