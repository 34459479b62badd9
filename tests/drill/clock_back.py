"""A Celery worker whose clock is an hour behind: `python -m tests.drill.clock_back` in the place of `celery`.

Each module of the product that reads the clock is told the wrong time; Celery, and the servers, keep the right one.
"""

import time
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import django
from celery.__main__ import main

BEHIND = timedelta(hours=1)


class LateDatetime(datetime):
    """The class datetime, as it is on a machine whose clock is behind."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Any:
        return datetime.now(tz) - BEHIND


class LateTime:
    """What the product uses of the module time."""

    monotonic = staticmethod(time.monotonic)

    @staticmethod
    def time() -> float:
        return time.time() - BEHIND.total_seconds()

    @staticmethod
    def time_ns() -> int:
        return time.time_ns() - int(BEHIND.total_seconds()) * 10**9


def set_back() -> None:
    """From here on this process, and all that it forks, lives an hour ago."""
    from kaireon.core import clock, heartbeat, ids
    from triggers.engine import cooldown

    # Not by setattr's checked way: these are stand-ins for modules and classes.
    vars(clock)["now"] = lambda: datetime.now(tz=UTC) - BEHIND
    vars(ids)["time"] = LateTime
    vars(heartbeat)["time"] = LateTime
    vars(cooldown)["datetime"] = LateDatetime


if __name__ == "__main__":
    django.setup()
    set_back()
    main()
