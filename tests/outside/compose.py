"""What compose.yaml and the Dockerfile say, and the programs that they name on this machine, without containers."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml

from kaireon.launch.children import Child, Program, stop
from kaireon.launch.embedded import embedded_services
from tests.launch.running import PROJECT, free_port

COMPOSE: dict[str, Any] = yaml.safe_load((PROJECT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
PROGRAMS = {name: service for name, service in OURS.items() if service["restart"] != "no"}
DOCKERFILE = (PROJECT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
PATIENCE_S = 60.0


def command_of(name: str) -> list[str]:
    """What the service runs: its own command, or the image's."""
    own: list[str] | None = SERVICES[name].get("command")
    return own or list(json.loads(re.findall(r"^CMD (\[.*\])", DOCKERFILE, re.MULTILINE)[-1]))


def wait_for(condition: Callable[[], Any], what: str) -> None:
    """Fails, naming `what`, where `condition` does not come true in time."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE_S:.0f} s in vain until {what}"
        time.sleep(0.1)


class Stack:
    """The services of compose.yaml by their own command lines, on embedded databases."""

    def __init__(self, home: Path, environment: dict[str, str], databases: dict[str, Child]) -> None:
        self.home = home
        self.port = free_port()
        self.environment = environment
        self.databases = databases
        self.children: dict[str, Child] = {}

    def local(self, command: list[str]) -> list[str]:
        """`command` with the places of this machine in the place of those in the container."""
        replaced = (
            part.replace("--port=8000", f"--port={self.port}")
            .replace("127.0.0.1:8000", f"127.0.0.1:{self.port}")
            .replace("/tmp/", f"{self.home}/")
            for part in command
        )
        return list(replaced)

    def start(self, name: str) -> None:
        self.children[name] = Child(
            Program(
                name=name,
                command=self.local(command_of(name)),
                environment=self.environment,
                log=self.log(name),
                directory=PROJECT,
            )
        )

    def restart_what_has_ended(self) -> None:
        """What Docker does about `restart: unless-stopped`: workers that lose Redis end, to begin anew."""
        for name, child in list(self.children.items()):
            if child.process.poll() is not None:
                self.start(name)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A command that ends by itself."""
        return subprocess.run(
            self.local(list(command)),
            cwd=PROJECT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def health(self, name: str) -> int:
        """The exit code of the service's health check."""
        kind, *command = SERVICES[name]["healthcheck"]["test"]
        assert kind == "CMD"
        return self.run(*command).returncode

    def log(self, name: str) -> Path:
        return self.home / "logs" / f"{name}.log"

    def lines(self, name: str) -> list[dict[str, Any]]:
        """The JSON lines that the service has logged; what is no JSON comes from its server, not from us."""
        lines = self.log(name).read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def ask(self, path: str, *, key: str = "", body: Any = None) -> tuple[int, str]:
        """Status and body of an answer, as the proxy in front would get it."""
        headers = {"Host": "localhost", "X-Forwarded-Proto": "https", "Content-Type": "application/json"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)


@contextmanager
def running_stack(home: Path, **more: str) -> Iterator[Stack]:
    """Migrated and started, but perhaps not ready yet."""
    with ExitStack() as stack:
        services = stack.enter_context(embedded_services(home / "data", durable=False))
        values = {
            "SECRET_KEY": "stack-4VJq8tLr2Tn8Ws4Yd6Hf1Gj5Pc-Ua_EiBu9Ox3Rq",
            "KAIREON_SECRETS_KEYS": "c3RhY2stb25seS1WYjNtUTl4Wms3THIyVG44V3M0WWQ=",
            "KAIREON_AUDIT_KEYS": "c3RhY2stb25seS1hdWRpdC1rZXktMzItYnl0ZXMtbG8=",
        }
        given = {
            name: re.sub(r"\$\{(\w+)[^}]*\}", lambda found: values.get(found[1], ""), str(value))
            for name, value in OURS["web"]["environment"].items()
        }
        environment = {
            "HOME": str(home),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONUNBUFFERED": "1",
            "KAIREON_HOME": str(home / "home"),
            "KAIREON_STATIC_ROOT": str(home / "static"),
            "DJANGO_SETTINGS_MODULE": "kaireon.settings",
            **given,
            "KAIREON_ALLOWED_HOSTS": "localhost",
            "DATABASE_URL": services.database_url,
            "REDIS_URL": services.redis_url,
            **more,
        }
        made = Stack(home, environment, {child.program.name: child for child in services.started})
        for command in (command_of("migrate"), ["python", "manage.py", "collectstatic", "--no-input"]):
            result = made.run(*command)
            assert result.returncode == 0, result.stderr
        stack.callback(lambda: stop(list(made.children.values()), patience_s=15.0))
        for name in PROGRAMS:
            made.start(name)
        yield made
