"""Streams on the tests' own Redis, and consumers in this process or in one of their own."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import redis
from django.conf import settings

from kaireon.core import clock
from kaireon.core.json_values import encode
from kaireon.core.redis import redis_client
from kaireon.events.streams.consuming import Consumption
from kaireon.events.streams.mapping import EventMapping, read_mapping
from kaireon.events.streams.redis_stream import RedisStream
from kaireon.events.streams.sources import Source, Stream
from kaireon.events.streams.storing import Stored, start
from tests.stack.conftest import database_url

PROJECT = Path(__file__).resolve().parents[2]
NAME = "orders"
GROUP = "kaireon"
STREAM = Stream(source="redis-stream", name=NAME, group=GROUP)


def add(*bodies: object, name: str = NAME) -> list[str]:
    """Adds entries to the Redis stream; bytes as they are, all else as JSON. Gives their positions."""
    positions = []
    for body in bodies:
        entry_id: Any = redis_client().xadd(name, {"data": body if isinstance(body, bytes) else encode(body)})
        positions.append(f"{name}:{entry_id.decode()}")
    return positions


def purchase(number: int, **more: Any) -> dict[str, Any]:
    """An event as POST /events takes it, without an id."""
    return {"eventType": "purchase", "customerId": f"cust_{number % 10}", "properties": {"number": number}, **more}


def owed() -> int:
    """How many entries the group has read and not acknowledged."""
    (group,) = redis_client().xinfo_groups(NAME)
    return int(group["pending"])


def redis_stream(*, consumer: str = "one", **more: Any) -> RedisStream:
    """The stream as the command would read it."""
    return RedisStream(url=settings.REDIS_URL, stream=NAME, group=GROUP, consumer=consumer, **more)


def consume_all(
    source: Source, *, stream: Stream = STREAM, mapping: object = None, patience: int = 1, messages: int = 0
) -> Stored:
    """Consumes until nothing has come `patience` times over, or until so many `messages` have; what it has stored.

    The source stays open.
    """
    checked = EventMapping() if mapping is None else read_mapping(mapping)
    start(stream, now=clock.now())
    consumption = Consumption(source, stream=stream, mapping=checked, stop=threading.Event())
    stored, empty = Stored(), 0
    while empty < patience and not (messages and stored.events + stored.duplicates + stored.dead_letters >= messages):
        step = consumption.step()
        empty = empty + 1 if step is None else 0
        stored += step or Stored()
    return stored


@pytest.fixture
def redis_connection(db: None) -> redis.Redis:
    """The tests' Redis, empty."""
    return redis_client()


class Consuming:
    """`manage.py consume …` in a process of its own."""

    def __init__(self, arguments: list[str], log: Path, *, prelude: str = "", **environment: str) -> None:
        self.log = log
        code = "\n".join(
            [
                "import sys, django; django.setup()",
                prelude,
                "from django.core.management import execute_from_command_line",
                "execute_from_command_line(['manage.py', 'consume', *sys.argv[1:]])",
            ]
        )
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", code, *arguments],
                cwd=PROJECT,
                env={
                    **os.environ,
                    "DJANGO_SETTINGS_MODULE": "kaireon.settings",
                    "DATABASE_URL": database_url(),
                    **environment,
                },
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Sends the signal, and gives the exit code."""
        self.process.send_signal(number)
        return self.process.wait(60)

    def end(self) -> None:
        """Kills it, where it still runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    @property
    def output(self) -> str:
        """All that it has said."""
        return self.log.read_text(errors="replace")


@pytest.fixture
def start_consumer(transactional_db: None, tmp_path: Path) -> Iterator[Callable[..., Consuming]]:
    """Starts consumers; those that still run in the end are killed."""
    with ExitStack() as stack:

        def build(*arguments: str, prelude: str = "", **environment: str) -> Consuming:
            log = tmp_path / f"consumer-{len(list(tmp_path.iterdir()))}.log"
            consuming = Consuming(list(arguments), log, prelude=prelude, **environment)
            stack.callback(consuming.end)
            return consuming

        yield build
