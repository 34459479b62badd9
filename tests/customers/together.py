"""Threads with a database connection each, and a way to see that one waits for a lock."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from django.db import connection

T = TypeVar("T")
DEADLINE_SECONDS = 20


def run_together(calls: Sequence[Callable[[], T]]) -> list[T]:
    """The results of `calls`, all begun at the same moment. Raises what one of them raised."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        try:
            barrier.wait(DEADLINE_SECONDS)
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls, timeout=DEADLINE_SECONDS))


def in_background(call: Callable[[], T]) -> Future[T]:
    """What `call` will give; it runs in another thread from now on."""

    def run() -> T:
        try:
            return call()
        finally:
            connection.close()

    pool = ThreadPoolExecutor(1)
    future = pool.submit(run)
    pool.shutdown(wait=False)
    return future


def until_one_waits_for_a_lock() -> None:
    """Returns as soon as some other connection to this database waits for a lock."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            # Inside a transaction the view would else show for ever what it showed first.
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute("""
                SELECT EXISTS (
                    SELECT FROM pg_stat_activity
                    WHERE datname = current_database() AND backend_type = 'client backend' AND wait_event_type = 'Lock'
                )
            """)
            row = cursor.fetchone()
        if row and row[0]:
            return
    raise AssertionError("Nobody waits for a lock.")
