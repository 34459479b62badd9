"""Whether the addresses that we were given lead anywhere, before anything is started on them."""

import socket
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import psycopg
import redis

from kaireon.launch.failure import LaunchFailure

CONNECT_TIMEOUT_S = 5


def check_port(port: int) -> None:
    """Raises LaunchFailure where somebody listens on the loopback `port`, or we may not."""
    with socket.socket() as probe:
        # As the web server does; a connection that was closed a moment ago is no obstacle then.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError:
            raise LaunchFailure(f"Port {port} is for root alone. Choose another: PORT=8001 make run") from None
        except OSError:
            other = 8001 if port == 8000 else 8000
            raise LaunchFailure(
                f"Port {port} is in use. Stop what listens there, or choose another: PORT={other} make run"
            ) from None


def check_database(url: str) -> None:
    """Raises LaunchFailure where `url` is no PostgreSQL address or leads nowhere. The password is never shown."""
    try:
        arguments = _connection_arguments(url)
        psycopg.connect(**arguments, connect_timeout=CONNECT_TIMEOUT_S).close()
    except (ValueError, psycopg.ProgrammingError):
        raise LaunchFailure("DATABASE_URL must look like postgresql://user:password@host:5432/name.") from None
    except psycopg.OperationalError as error:
        reason = str(error).splitlines()[0].removeprefix("connection failed: ").rstrip(".")
        raise LaunchFailure(f"DATABASE_URL: can't connect to PostgreSQL: {reason}.") from None


def check_redis(url: str) -> None:
    """Raises LaunchFailure where `url` is no Redis address or leads nowhere. The password is never shown."""
    try:
        client = redis.Redis.from_url(url, socket_connect_timeout=CONNECT_TIMEOUT_S, socket_timeout=CONNECT_TIMEOUT_S)
    except ValueError:
        raise LaunchFailure("REDIS_URL can't be read; it must look like redis://:password@host:6379/0.") from None
    options = client.connection_pool.connection_kwargs
    where = options.get("path") or f"{options.get('host')}:{options.get('port') or 6379}"
    try:
        client.ping()
    except redis.RedisError as error:
        # redis-py's text for a socket's error is "Error 111 connecting to host:port. Connection refused."
        reason = str(error).rstrip(".").split(". ")[-1]
        raise LaunchFailure(f"REDIS_URL: can't connect to Redis at {where}: {reason}.") from None
    finally:
        client.close()


def _connection_arguments(url: str) -> dict[str, Any]:
    """What psycopg takes, read from `url` as settings read it. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgresql", "postgres"}:
        raise ValueError
    arguments = {
        "dbname": unquote(parts.path.lstrip("/")),
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "host": parts.hostname or "",
        "port": str(parts.port or ""),
        **dict(parse_qsl(parts.query, strict_parsing=bool(parts.query))),
    }
    return {name: value for name, value in arguments.items() if value}
