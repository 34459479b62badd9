"""A running `python -m kaireon.launch`, as a person or a service manager would start it."""

import json
import os
import queue
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

PROJECT = Path(__file__).resolve().parents[2]
START_PATIENCE_S = 120.0
STOP_PATIENCE_S = 40.0


def clean_environment(home: Path, **more: str) -> dict[str, str]:
    """An environment without what the test run itself was told, such as its DATABASE_URL."""
    return {"PATH": os.environ["PATH"], "HOME": str(home.parent), "KAIREON_HOME": str(home), **more}


def free_port() -> int:
    """A loopback port that nobody listens on.

    None of those that the kernel gives to whoever connects to somewhere: until a product has started, seconds later,
    one of them may be somebody's.
    """
    while True:
        # By chance of its own: tests that are run in the same order at the same time must not get the same ports.
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def wait_for(condition: Callable[[], bool], *, patience_s: float, what: str) -> None:
    """Fails, naming `what`, where `condition` does not come true in time."""
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {patience_s:.0f} s in vain until {what}"
        time.sleep(0.05)


def is_living(process: psutil.Process) -> bool:
    """Whether `process` runs; one that ended and was not waited for by its parent does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Running:
    """The product, started on `home`; use it in a `with` block, which stops it in any case."""

    def __init__(self, home: Path, **more: str) -> None:
        self.port = free_port()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "kaireon.launch"],
            cwd=PROJECT,
            env=clean_environment(home, PORT=str(self.port), **more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        self._arriving: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> "Running":
        return self

    def __exit__(self, *_: object) -> None:
        family = self.family()
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_PATIENCE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
        for process in family:
            if is_living(process):
                process.kill()
        self._process.wait()
        self._reader.join(5)
        assert self._process.stdout
        self._process.stdout.close()

    def wait_until_ready(self) -> None:
        """Reads until the line that says so, and all that is announced with it."""
        deadline = time.monotonic() + START_PATIENCE_S
        while not (self.lines and self.lines[-1].startswith("Ctrl-C")):
            line = self._arriving.get(timeout=max(0.1, deadline - time.monotonic()))
            assert line is not None, "it ended while starting:\n" + "\n".join(self.lines)
            self.lines.append(line)

    def ask(self, path: str, *, key: str = "", body: Any = None) -> tuple[int, str]:
        """Status and body of the answer."""
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def family(self) -> list[psutil.Process]:
        """All processes that it started, and those that they started; without itself."""
        try:
            return psutil.Process(self._process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def processes_with(self, argument: str) -> dict[int, psutil.Process]:
        """Those of the family that were started with `argument`, by pid."""
        found = {}
        for process in self.family():
            with suppress(psutil.Error):
                if argument in process.cmdline():
                    found[process.pid] = process
        return found

    def send(self, number: signal.Signals) -> None:
        """Sends a signal to the supervisor alone."""
        self._process.send_signal(number)

    def wait_for_end(self) -> int:
        """The exit code."""
        code = self._process.wait(STOP_PATIENCE_S)
        self._reader.join(5)
        while not self._arriving.empty():
            if (line := self._arriving.get()) is not None:
                self.lines.append(line)
        return code

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._arriving.put(line.rstrip("\n"))
        self._arriving.put(None)


def refusal(home: Path, **more: str) -> tuple[int, str]:
    """Exit code and all output of a start that is expected to fail."""
    variables: Mapping[str, str] = clean_environment(home, **{"PORT": str(free_port()), **more})
    result = subprocess.run(
        [sys.executable, "-m", "kaireon.launch"],
        cwd=PROJECT,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    return result.returncode, result.stdout


def manage(home: Path, *arguments: str) -> tuple[int, str]:
    """Exit code and all output of `manage.py`, called in a second terminal."""
    result = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=PROJECT,
        env=clean_environment(home),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    return result.returncode, result.stdout
