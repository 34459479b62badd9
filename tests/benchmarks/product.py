"""The product as `make run` starts it, with its own data in a temporary folder, and ways into it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import redis
from celery import Celery

from kaireon.launch.environment import load
from tests.benchmarks.measuring import PROJECT
from tests.launch.running import Running

PATIENCE_S = 300.0


class Product:
    """A running product; `database` and `redis` are the benchmark's own connections to what it runs on."""

    def __init__(self, running: Running, home: Path, database: psycopg.Connection[Any]) -> None:
        self.running = running
        self.home = home
        self.database = database
        self.key = str(json.loads((home / "demo.json").read_text())["apiKey"])
        self.variables = load(home)
        self.celery = Celery(broker=self.variables["REDIS_URL"], set_as_current=False)
        self.redis = redis.Redis.from_url(self.variables["REDIS_URL"])

    def ask(self, path: str, body: Any = None) -> Any:
        """The API's answer; anything but 2xx ends the benchmark."""
        status, text = self.running.ask(path, key=self.key, body=body)
        assert status < 300, text
        return json.loads(text)

    def number(self, statement: str, parameters: Sequence[Any] = ()) -> int:
        """The one number that `statement` gives; 0 for NULL."""
        row = self.database.execute(statement, parameters).fetchone()
        assert row is not None
        return int(row[0] or 0)

    @property
    def environment(self) -> dict[str, str]:
        """What programs beside it are started with to work on its database and Redis."""
        return {"PATH": os.environ["PATH"], "KAIREON_LOG_LEVEL": "WARNING", **self.variables}

    def run(self, function: str, *numbers: int, settings: str = "kaireon.settings") -> float:
        """What `function`, `module:name`, returns in a process of its own on the product's database and Redis.

        By its name, since not everything can be imported here, where Django has the tests' settings.
        """
        finished = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.program", function, *map(str, numbers)],
            cwd=PROJECT,
            env={**self.environment, "DJANGO_SETTINGS_MODULE": settings},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return float(finished.stdout)

    def wait_until_done(self) -> float:
        """Waits until no event is pending; the moment of that, as `time.time` has it."""
        first = "SELECT FROM events_event WHERE status = 'pending' ORDER BY lane, sequence + 0 LIMIT 1"
        return self.wait_until(f"SELECT NOT EXISTS ({first})")

    def wait_until(self, statement: str) -> float:
        """Waits until `statement` is true; the moment of that, within 50 ms. To ask more often costs the others."""
        deadline = time.time() + PATIENCE_S
        while not self.number(statement):
            assert time.time() < deadline, f"waited {PATIENCE_S:.0f} s in vain for: {statement}"
            time.sleep(0.05)
        return time.time()

    def come_to_rest(self) -> None:
        """Waits for what a measurement leaves to do, so that the next one does not pay: events, seals, dirty pages."""
        self.wait_until_done()
        self.celery.send_task("audit.seal", queue="events")
        self.wait_until(
            "SELECT (SELECT coalesce(max(id), 0) FROM audit_entry) = (SELECT coalesce(max(last_id), 0) FROM audit_seal)"
        )
        self.database.execute("CHECKPOINT")


@contextmanager
def running_product(home: Path) -> Iterator[Product]:
    """Starts it without a rate limit, lets it call receivers of this machine, and stops it in the end."""
    with Running(
        home,
        KAIREON_RATE_LIMIT_PER_MINUTE="0",
        KAIREON_LOG_LEVEL="WARNING",
        KAIREON_WEBHOOK_ALLOWED_NETWORKS="127.0.0.0/8",
    ) as running:
        running.wait_until_ready()
        with psycopg.connect(load(home)["DATABASE_URL"], autocommit=True) as database:
            yield Product(running, home, database)
