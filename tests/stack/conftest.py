"""Real Celery workers, as processes of their own, on the tests' database and Redis."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

PROJECT = Path(__file__).resolve().parents[2]
PATIENCE_S = 90.0


def wait_until(condition: Callable[[], Any], what: str) -> None:
    """Fails, naming `what`, where `condition` does not come true in time."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE_S:.0f} s in vain until {what}"
        time.sleep(0.02)


class Worker:
    """A Celery worker of one queue with its pool of processes, in a process group of its own."""

    def __init__(self, queue: str, log: Path) -> None:
        self._log = log.open("ab")
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "celery", "--app", "kaireon.celery:app", "worker"),
                *(f"--queues={queue}", f"--hostname={queue}-{time.monotonic_ns()}@tests", "--concurrency=2"),
                *("--without-gossip", "--without-mingle", "--loglevel=INFO"),
            ],
            cwd=PROJECT,
            env={**os.environ, "DATABASE_URL": database_url()},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def kill(self) -> None:
        """SIGKILL to the worker and its pool: no chance to finish or to tidy up."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self._log.close()


def database_url() -> str:
    """The database that pytest-django made, which is not the one that the environment names."""
    facts = connection.settings_dict
    return f"postgresql://{facts['USER']}@/{facts['NAME']}?host={facts['HOST']}" + (
        f"&port={facts['PORT']}" if facts["PORT"] else ""
    )


@pytest.fixture
def start_worker(transactional_db: None, tmp_path: Path) -> Iterator[Callable[[str], Worker]]:
    """Starts workers; all that still run are killed in the end."""
    assert settings.DATABASES["default"]["NAME"] == connection.settings_dict["NAME"]
    with ExitStack() as stack:

        def start(queue: str) -> Worker:
            worker = Worker(queue, tmp_path / f"{queue}.log")
            stack.callback(worker.kill)
            return worker

        yield start
