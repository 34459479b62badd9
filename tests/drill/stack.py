"""All of the product as processes of its own, in the way of `make run`, and a hand in each of them.

The supervisor itself is not used: a drill has to hold back a program that it has killed, run others beside those of
`make run`, and shorten the waits between retries.
"""

import json
import os
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import redis

from kaireon.launch import children, home, programs, ready
from kaireon.launch.children import Child, Program
from kaireon.launch.embedded import embedded_services
from kaireon.launch.failure import last_line
from tests.launch.running import clean_environment, free_port, wait_for

START_PATIENCE_S = 120.0
_RESTART_AFTER_S = 0.5
_KEY = "drill-key"


class DrillAborted(Exception):
    """The drill could not be carried out; this says nothing about loss."""


class Stack:
    """The programs by name: `postgres`, `redis`, `events`, `delivery`, `web`, `beat`, and what is started besides.

    One that ends by itself is started again after half a second, unless it is held.
    """

    def __init__(self, folder: Path, *, database_url: str, redis_url: str, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.port = free_port()
        self.environment = dict(environment)
        self.key = ""
        self._database_url = database_url
        self._redis_url = redis_url
        self._children: dict[str, Child] = {}
        self._held: set[str] = set()
        # How long its log was at its start.
        self._begun_at: dict[str, int] = {}
        self._lock = threading.RLock()
        self._ends = threading.Event()
        # The kernel stops a program when the thread that started it ends: this one outlives them all.
        self._keeper = threading.Thread(target=self._keep, daemon=True)

    def adopt(self, child: Child) -> None:
        """Keeps a program running that was started elsewhere."""
        with self._lock:
            self._children[child.program.name] = child

    def start(self, program: Program) -> None:
        """Starts a program, and keeps it running."""
        log = program.log
        self._begun_at[program.name] = log.stat().st_size if log.exists() else 0
        self.adopt(Child(program))

    def kept(self) -> None:
        """Begins to start again what ends."""
        self._keeper.start()

    def program(self, name: str) -> Program:
        """How `name` was started."""
        return self._children[name].program

    def pid(self, name: str) -> int:
        """The process, which heads a group of its own."""
        return self._children[name].process.pid

    def kill(self, name: str) -> None:
        """SIGKILL to the whole group; it is started again soon, unless it is held."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid(name), signal.SIGKILL)

    def signal(self, name: str, number: signal.Signals) -> None:
        """A signal to the program itself."""
        self._children[name].process.send_signal(number)

    @contextmanager
    def held(self, *names: str) -> Iterator[None]:
        """As long as the block lasts they stay down once they are down; then they are started again."""
        with self._lock:
            self._held |= set(names)
        try:
            yield
        finally:
            with self._lock:
                self._held -= set(names)

    def stop(self, name: str, *, patience_s: float = 15.0) -> None:
        """Asks a program to end, and does without it from here on."""
        with self._lock:
            child = self._children.pop(name)
        children.stop([child], patience_s=patience_s)

    def wait_until_working(self, name: str) -> None:
        """Waits until a worker that was just started takes up messages."""
        log, started_at = self.program(name).log, self._begun_at[name]
        if not eventually(lambda: b" ready." in log.read_bytes()[started_at:], patience_s=START_PATIENCE_S):
            raise DrillAborted(f"the worker {name} does not start: {last_line(log)}")

    def wait_for_end(self, name: str) -> None:
        """Waits until its process is gone."""
        child = self._children[name]
        wait_for(lambda: not child.is_alive, patience_s=20, what=f"{name} has ended")

    @contextmanager
    def database(self) -> Iterator[psycopg.Connection[Any]]:
        """A connection of the drill's own."""
        with psycopg.connect(
            self._database_url, autocommit=True, application_name="drill", connect_timeout=5
        ) as connection:
            yield connection

    def redis(self) -> redis.Redis:
        """A client of the drill's own."""
        return redis.Redis.from_url(self._redis_url, socket_timeout=5)

    def request(self, path: str, body: Any = None, *, port: int | None = None) -> tuple[int, Any, Mapping[str, str]]:
        """Status, JSON and headers of an answer of the API. Raises OSError where there is none."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.key}"}
        request = urllib.request.Request(f"http://127.0.0.1:{port or self.port}{path}", data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, json.load(response), dict(response.headers)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode(errors="replace"), dict(error.headers)

    def post(self, path: str, body: Any) -> Any:
        """The answer's JSON. Anything but 2xx ends the drill."""
        status, answer, _ = self.request(path, body)
        if status >= 300:
            raise DrillAborted(f"POST {path} answers {status}: {answer}")
        return answer

    def complete(self, name: str, *arguments: str, program: Program | None = None) -> str:
        """Runs `manage.py` to its end and gives its output. Raises DrillAborted where it fails."""
        code, output = self.run(name, *arguments, program=program)
        if code != 0:
            raise DrillAborted(f"{name} failed: {output}")
        return output

    def run(self, name: str, *arguments: str, program: Program | None = None) -> tuple[int, str]:
        """Exit code and output of `manage.py`."""
        log = self.folder / "logs" / f"{name}.log"
        log.unlink(missing_ok=True)
        child = Child(program or self.manage(name, *arguments))
        wait_for(lambda: not child.is_alive, patience_s=START_PATIENCE_S, what=f"{name} is through")
        return child.process.returncode or 0, log.read_text().strip()

    def manage(self, name: str, *arguments: str) -> Program:
        """`manage.py` with `arguments`, to be started."""
        return Program(
            name=name,
            command=[sys.executable, "-W", "ignore", "manage.py", *arguments],
            environment=self.environment,
            log=self.folder / "logs" / f"{name}.log",
            directory=programs.PROJECT,
        )

    def workers(self) -> dict[str, Program]:
        """The workers of `make run` by name."""
        return {one.name: one for one in programs.workers(self.environment, home=self.folder)}

    def wait_until_ready(self) -> None:
        """As `make run` does."""
        deadline = time.monotonic() + START_PATIENCE_S
        while (obstacle := ready.unreadiness(self.port)) is not None:
            if time.monotonic() > deadline:
                raise DrillAborted(f"not ready: {obstacle}")
            time.sleep(0.1)

    def close(self) -> None:
        """Stops everything but the databases, which are stopped by whoever started them."""
        with self._lock:
            self._held |= self._children.keys()
            everything = [child for name, child in self._children.items() if name not in {"postgres", "redis"}]
        children.stop(everything, patience_s=8.0)

    def end(self) -> None:
        """Lets the keeper go, and with it what it started."""
        self._ends.set()
        if self._keeper.is_alive():
            self._keeper.join()

    def _keep(self) -> None:
        down_since: dict[str, float] = {}
        while not self._ends.wait(0.05):
            with self._lock:
                for name, child in self._children.items():
                    if child.is_alive or name in self._held:
                        down_since.pop(name, None)
                    elif time.monotonic() - down_since.setdefault(name, time.monotonic()) >= _RESTART_AFTER_S:
                        del down_since[name]
                        child.start_again()


@contextmanager
def _databases(folder: Path) -> Iterator[Stack]:
    """PostgreSQL and Redis on `folder`, and nothing else yet."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as exits:
        exits.enter_context(home.claimed(folder))
        exits.callback(children.end_leftovers, folder)
        services = exits.enter_context(embedded_services(folder, durable=True))
        environment = {
            **clean_environment(folder),
            **home.keys(folder, {}),
            "DATABASE_URL": services.database_url,
            "REDIS_URL": services.redis_url,
            "DJANGO_SETTINGS_MODULE": "tests.drill.settings",
            "KAIREON_INSECURE_HTTP": "1",
            "KAIREON_LOG_FORMAT": "line",
            "KAIREON_RATE_LIMIT_PER_MINUTE": "0",
            "KAIREON_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
            "PYTHONUNBUFFERED": "1",
        }
        stack = Stack(
            folder,
            database_url=services.database_url,
            redis_url=services.redis_url,
            environment=children.marked(environment, folder),
        )
        exits.callback(stack.end)
        for child in services.started:
            stack.adopt(child)
        yield stack


def prepare(folder: Path) -> None:
    """A database with all tables and an admin's key, to be copied for each drill."""
    with _databases(folder) as stack:
        stack.complete("migrate", "migrate", "--verbosity=0")
        output = stack.complete("key", "create_api_key", "--role=admin", "--name=drill")
        (folder / _KEY).write_text(output.splitlines()[-1])


@contextmanager
def running_stack(folder: Path, *, events_module: str = "celery") -> Iterator[Stack]:
    """The product on a copy of what `prepare` made. `events_module` stands in for Celery in the events worker."""
    with ExitStack() as exits:
        stack = exits.enter_context(_databases(folder))
        stack.key = (folder / _KEY).read_text()
        exits.callback(stack.close)
        for program in stack.workers().values():
            stack.start(disguised(program, events_module) if program.name == "events" else program)
        for program in programs.doors(stack.environment, home=folder, port=stack.port):
            stack.start(program)
        _wait(stack)
        stack.kept()
        yield stack


def disguised(program: Program, module: str) -> Program:
    """The same Celery worker, started by way of another module."""
    return replace(program, command=[module if part == "celery" else part for part in program.command])


def beside(program: Program, name: str) -> Program:
    """The same worker once more, under a name of its own."""
    command = [f"--hostname={name}@%h" if part.startswith("--hostname=") else part for part in program.command]
    return replace(program, name=name, command=command, log=program.log.with_name(f"{name}.log"))


def eventually(look: Callable[[], bool], *, patience_s: float) -> bool:
    """Whether `look` comes true in time. The databases may be away meanwhile: that counts as not yet."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        with suppress(psycopg.Error, redis.RedisError, OSError):
            if look():
                return True
        time.sleep(0.1)
    return False


def _wait(stack: Stack) -> None:
    try:
        stack.wait_until_ready()
    except DrillAborted as error:
        logs = {path.name: last_line(path) for path in sorted((stack.folder / "logs").glob("*.log"))}
        raise DrillAborted(f"{error}; last lines of the logs: {logs}") from None
