"""Programs as child processes that can't outlive us.

Each gets a session of its own, so that Ctrl-C reaches the supervisor alone and a whole family can be ended at once; the
kernel tells it to stop should its parent die (Linux); and its environment is marked, so that what a killed run left
behind can be found by the next one. The kernel's notice is about the thread that forked: start programs from the main
thread.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from kaireon.launch.failure import LaunchFailure

MARK = "KAIREON_LAUNCHED_FOR"
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, kw_only=True)
class Account:
    """A system user to run a program as."""

    uid: int
    gid: int


@dataclass(frozen=True, kw_only=True)
class Program:
    """What to run. `stop_signal` asks it to end in good order; its output is appended to `log`."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    directory: Path
    stop_signal: signal.Signals = signal.SIGTERM
    account: Account | None = None


class Child:
    """A program that was started, and may be started again."""

    def __init__(self, program: Program) -> None:
        """Raises LaunchFailure where the program isn't there."""
        self.program = program
        self.process = _spawn(program)
        self.started_at = time.monotonic()

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    @property
    def how_it_ended(self) -> str:
        """`exit code 1`, or `SIGKILL`."""
        code = self.process.poll()
        return signal.Signals(-code).name if code is not None and code < 0 else f"exit code {code}"

    def start_again(self) -> None:
        """Ends what is left of the family and starts a new one. Raises LaunchFailure."""
        self.kill()
        self.process = _spawn(self.program)
        self.started_at = time.monotonic()

    def ask_to_stop(self) -> None:
        if self.is_alive:
            self.process.send_signal(self.program.stop_signal)

    def kill(self) -> None:
        """Ends whatever is left of the family, its head included."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def stop(children: Sequence[Child], *, patience_s: float, hurry: Callable[[], bool] = lambda: False) -> None:
    """Asks all to stop, waits, and kills what is left after `patience_s`, or as soon as `hurry` says so."""
    for child in children:
        child.ask_to_stop()
    deadline = time.monotonic() + patience_s
    while any(child.is_alive for child in children) and time.monotonic() < deadline and not hurry():
        time.sleep(0.02)
    for child in children:
        child.kill()


def end_leftovers(home: Path, *, patience_s: float = 10.0) -> None:
    """Ends all processes that were ever started for `home` and still live; first those that need the databases.

    The caller holds the lock of `home`: nobody else's processes can be among them.
    """
    services = {"postgres", "redis-server"}
    for is_service in (False, True):
        processes = [process for process in _marked(home) if (_name(process) in services) == is_service]
        for process in processes:
            with suppress(psutil.Error):
                # PostgreSQL takes SIGTERM as a wish to wait for its clients.
                process.send_signal(signal.SIGINT if _name(process) == "postgres" else signal.SIGTERM)
        for process in _wait_for_end(processes, patience_s=patience_s):
            with suppress(psutil.Error):
                process.kill()
        _wait_for_end(processes, patience_s=patience_s)


def marked(environment: Mapping[str, str], home: Path) -> dict[str, str]:
    """`environment` with the mark of `home`."""
    return {**environment, MARK: str(home)}


def _marked(home: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(MARK) == str(home):
                found.append(process)
    return found


def _wait_for_end(processes: Sequence[psutil.Process], *, patience_s: float) -> list[psutil.Process]:
    """Those that are still alive after `patience_s`. One that only waits for its parent to notice is not."""
    deadline = time.monotonic() + patience_s
    while (living := [process for process in processes if _is_living(process)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    return living


def _is_living(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.Error:
        return ""


def _spawn(program: Program) -> subprocess.Popen[bytes]:
    account = program.account
    program.log.parent.mkdir(parents=True, exist_ok=True)
    with program.log.open("ab") as log:
        try:
            return subprocess.Popen(
                program.command,
                env=program.environment,
                cwd=program.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_follow_parent(program.stop_signal),
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
            )
        except (FileNotFoundError, PermissionError) as error:
            raise LaunchFailure(
                f"Can't start {program.name}: {program.command[0]}: {error.strerror}. Remove .venv and run make again."
            ) from None


def _follow_parent(stop_signal: signal.Signals) -> Callable[[], None]:
    parent = os.getpid()

    def follow_parent() -> None:
        if sys.platform == "linux":
            _libc.prctl(_PR_SET_PDEATHSIG, int(stop_signal), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return follow_parent
