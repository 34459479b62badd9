"""Starts everything in order, keeps it running, and stops it in the reverse order."""

import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType

from kaireon.launch import addresses, children, environment, home, logs, programs, ready
from kaireon.launch.children import Child, Program
from kaireon.launch.configuration import Configuration, read_configuration
from kaireon.launch.embedded import Services, embedded_services
from kaireon.launch.failure import LaunchFailure, last_line
from kaireon.launch.restarts import Watch
from kaireon.launch.terminal import say

READY_PATIENCE_S = 90.0
# With what the databases take, all is gone after some 20 seconds at the worst.
DOORS_PATIENCE_S = 5.0
WORKERS_PATIENCE_S = 8.0
# A signal to our whole process group comes a second time by way of make.
SAME_REQUEST_S = 1.0
_LOOK_EVERY_S = 0.1
_TRIM_EVERY_S = 10.0


class StopRequested(Exception):
    """Somebody wants us to stop while we are still starting."""


class StopSignals:
    """SIGINT, SIGTERM and SIGHUP: the first one stops all in good order, a later one hurries."""

    def __init__(self) -> None:
        self.requested = False
        self.hurried = False
        self._first_at_s = 0.0
        signal.signal(signal.SIGINT, self._take)
        signal.signal(signal.SIGTERM, self._take)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup wants to be obeyed
            signal.signal(signal.SIGHUP, self._take)

    def _take(self, _number: int, _frame: FrameType | None) -> None:
        now_s = time.monotonic()
        if not self.requested:
            self.requested, self._first_at_s = True, now_s
        elif now_s - self._first_at_s > SAME_REQUEST_S:
            self.hurried = True


def run(given: Mapping[str, str]) -> None:
    """Runs the product until a signal comes. Raises LaunchFailure, after everything that was started is stopped."""
    configuration = read_configuration(given)
    signals = StopSignals()
    started_at = time.monotonic()
    with ExitStack() as stack:
        stack.enter_context(home.claimed(configuration.home))
        children.end_leftovers(configuration.home)
        addresses.check_port(configuration.port)
        _check_addresses(configuration)
        stack.callback(children.end_leftovers, configuration.home)
        logs.begin_anew(configuration.home / "logs")
        say("Starting …")
        services = stack.enter_context(_services(configuration))
        with suppress(StopRequested):
            _run_on(services, configuration=configuration, given=given, signals=signals, started_at=started_at)
    say("Stopped.")


def _run_on(
    services: Services,
    *,
    configuration: Configuration,
    given: Mapping[str, str],
    signals: StopSignals,
    started_at: float,
) -> None:
    folder = configuration.home
    variables = _variables(services, configuration, given)
    with _published(folder, variables), ExitStack() as stack:
        everything = children.marked({**given, **variables, "PYTHONUNBUFFERED": "1"}, folder)
        embedded = configuration.database_url is None
        _complete(programs.preparation(everything, home=folder, embedded=embedded), signals)
        running = list(services.started)
        for group, patience_s in (
            (programs.workers(everything, home=folder), WORKERS_PATIENCE_S),
            (programs.doors(everything, home=folder, port=configuration.port), DOORS_PATIENCE_S),
        ):
            family = [Child(program) for program in group]
            stack.callback(children.stop, family, patience_s=patience_s, hurry=lambda: signals.hurried)
            running += family
        _wait_until_ready(running, port=configuration.port, signals=signals)
        say(ready.announcement(port=configuration.port, home=_short(folder), took_s=time.monotonic() - started_at))
        _watch(running, folder=folder, signals=signals)
        say("Stopping …")


def _check_addresses(configuration: Configuration) -> None:
    if configuration.database_url is not None:
        addresses.check_database(configuration.database_url)
    if configuration.redis_url is not None:
        addresses.check_redis(configuration.redis_url)


def _services(configuration: Configuration) -> AbstractContextManager[Services]:
    return embedded_services(
        configuration.home,
        durable=True,
        database_url=configuration.database_url,
        redis_url=configuration.redis_url,
    )


def _variables(services: Services, configuration: Configuration, given: Mapping[str, str]) -> dict[str, str]:
    """What the programs are told, and `manage.py` in a second terminal."""
    hosts = [host.strip() for host in given.get("KAIREON_ALLOWED_HOSTS", "").split(",") if host.strip()]
    hosts += [host for host in ("localhost", "127.0.0.1", "[::1]") if host not in hosts]
    return {
        **home.keys(configuration.home, given),
        "DATABASE_URL": services.database_url,
        "REDIS_URL": services.redis_url,
        "KAIREON_HOME": str(configuration.home),
        "KAIREON_STATIC_ROOT": given.get("KAIREON_STATIC_ROOT") or str(configuration.home / "static"),
        "KAIREON_ALLOWED_HOSTS": ",".join(hosts),
        # We serve plain HTTP on the loopback interface: cookies marked Secure would never come back.
        "KAIREON_INSECURE_HTTP": given.get("KAIREON_INSECURE_HTTP") or "1",
        "DJANGO_SETTINGS_MODULE": "kaireon.settings",
    }


@contextmanager
def _published(folder: Path, variables: Mapping[str, str]) -> Iterator[None]:
    file = folder / environment.ENVIRONMENT_NAME
    environment.write(file, variables)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def _complete(program: Program, signals: StopSignals) -> None:
    """Runs a program that ends by itself. Raises LaunchFailure where it fails."""
    child = Child(program)
    while child.is_alive:
        if signals.requested:
            children.stop([child], patience_s=DOORS_PATIENCE_S)
            raise StopRequested
        time.sleep(0.02)
    if child.process.returncode != 0:
        raise LaunchFailure(f"{program.name} failed: {last_line(program.log)} (see {_short(program.log)})")


def _wait_until_ready(running: list[Child], *, port: int, signals: StopSignals) -> None:
    deadline = time.monotonic() + READY_PATIENCE_S
    while (obstacle := ready.unreadiness(port)) is not None:
        for child in running:
            if not child.is_alive:
                log = child.program.log
                raise LaunchFailure(
                    f"{child.program.name} stopped while starting ({child.how_it_ended}): {last_line(log)}"
                    f" (see {_short(log)})"
                )
        if signals.requested:
            raise StopRequested
        if time.monotonic() > deadline:
            logs_folder = _short(running[0].program.log.parent)
            raise LaunchFailure(f"Not ready after {READY_PATIENCE_S:.0f} s: {obstacle} (see {logs_folder})")
        time.sleep(_LOOK_EVERY_S)


def _watch(running: list[Child], *, folder: Path, signals: StopSignals) -> None:
    """Starts again what ends by itself. Raises LaunchFailure where something keeps ending."""
    watches = [Watch(child) for child in running]
    trim_at = time.monotonic() + _TRIM_EVERY_S
    while not signals.requested:
        for watch in watches:
            watch.look(time.monotonic())
        if time.monotonic() >= trim_at:
            logs.trim(folder / "logs")
            trim_at = time.monotonic() + _TRIM_EVERY_S
        time.sleep(_LOOK_EVERY_S)


def _short(path: Path) -> Path:
    """`path` from where the person stands, if it is below."""
    return path.relative_to(os.getcwd()) if path.is_relative_to(os.getcwd()) else path
