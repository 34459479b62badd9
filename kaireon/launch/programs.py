"""The programs that make up the product, besides its databases."""

import sys
from collections.abc import Mapping
from pathlib import Path

from kaireon.launch.children import Program

PROJECT = Path(__file__).resolve().parents[2]

# Web processes times threads, and the workers' few, each hold a database connection: well below the embedded
# PostgreSQL's limit.
WEB_PROCESSES = 2
WEB_THREADS = 8
EVENT_PROCESSES = 2
_CELERY = ("celery", "--app", "kaireon.celery:app")
_WORKER_ALONE = ("--without-gossip", "--without-mingle")


def preparation(environment: Mapping[str, str], *, home: Path, embedded: bool) -> Program:
    """Migrations, static files, demo data; ends by itself."""
    return _python("prepare", ["kaireon.launch.prepare", *(["--embedded"] if embedded else [])], environment, home)


def doors(environment: Mapping[str, str], *, home: Path, port: int) -> list[Program]:
    """What brings work in: the web server, and beat. They stop first."""
    web = [
        "granian",
        "--interface=wsgi",
        "--host=127.0.0.1",
        f"--port={port}",
        f"--workers={WEB_PROCESSES}",
        f"--blocking-threads={WEB_THREADS}",
        "--respawn-failed-workers",
        "--workers-kill-timeout=4",
        "--no-ws",
        "kaireon.wsgi:application",
    ]
    beat = [*_CELERY, "beat", "--loglevel=INFO", f"--schedule={home / 'beat-schedule'}"]
    return [_python("web", web, environment, home), _python("beat", beat, environment, home)]


def workers(environment: Mapping[str, str], *, home: Path) -> list[Program]:
    """What works the queues off. They finish the task in hand when they stop."""
    return [
        _worker("events", EVENT_PROCESSES, environment, home),
        # One task at a time: it has many sends in flight by itself.
        _worker("delivery", 1, environment, home),
    ]


def _worker(queue: str, processes: int, environment: Mapping[str, str], home: Path) -> Program:
    arguments = [
        "worker",
        f"--queues={queue}",
        f"--hostname={queue}@%h",
        f"--concurrency={processes}",
        "--loglevel=INFO",
    ]
    return _python(queue, [*_CELERY, *arguments, *_WORKER_ALONE], environment, home)


def _python(name: str, module_and_arguments: list[str], environment: Mapping[str, str], home: Path) -> Program:
    return Program(
        name=name,
        command=[sys.executable, "-m", *module_and_arguments],
        environment=environment,
        log=home / "logs" / f"{name}.log",
        directory=PROJECT,
    )
