"""PostgreSQL and Redis for as long as a block lasts: `make run` and the tests use the same ones."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from kaireon.launch import children, postgres, redis_server
from kaireon.launch.children import Child

STOP_PATIENCE_S = 4.0


@dataclass(frozen=True, kw_only=True)
class Services:
    """Where the databases are; `started` holds those that were started here."""

    database_url: str
    redis_url: str
    started: tuple[Child, ...]


@contextmanager
def embedded_services(
    home: Path,
    *,
    durable: bool,
    database_url: str | None = None,
    redis_url: str | None = None,
) -> Iterator[Services]:
    """Starts PostgreSQL and Redis over `home`, made if need be, except those whose URL is given; stops them afterwards.

    With `durable=False`, for tests, a power cut may cost all data. One block at a time per `home`: what an earlier one
    left behind is ended. Call it from the main thread. Raises LaunchFailure.
    """
    home = home.absolute()
    home.mkdir(parents=True, exist_ok=True)
    children.end_leftovers(home)
    with ExitStack() as stack:
        started = []
        if database_url is None:
            program, database_url = postgres.prepare(home, durable=durable)
            stack.callback(postgres.remove_socket_folder, database_url)
            started.append(server := Child(program))
            stack.callback(children.stop, [server], patience_s=STOP_PATIENCE_S)
            postgres.wait_until_up(server, database_url)
        if redis_url is None:
            program, redis_url = redis_server.prepare(home, durable=durable)
            started.append(server := Child(program))
            stack.callback(children.stop, [server], patience_s=STOP_PATIENCE_S)
            redis_server.wait_until_up(server, redis_url)
        yield Services(database_url=database_url, redis_url=redis_url, started=tuple(started))
