"""What the supervisor is told by its environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kaireon.launch.failure import LaunchFailure

DEFAULT_PORT = 8000
DEFAULT_HOME = ".kaireon"


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """`database_url` and `redis_url` are None where the embedded services are to be used."""

    home: Path
    port: int
    database_url: str | None
    redis_url: str | None


def read_configuration(environment: Mapping[str, str]) -> Configuration:
    """Raises LaunchFailure where PORT is no port. An empty variable counts as one that is not set."""
    return Configuration(
        home=Path(environment.get("KAIREON_HOME") or DEFAULT_HOME).expanduser().absolute(),
        port=_port(environment.get("PORT") or str(DEFAULT_PORT)),
        database_url=environment.get("DATABASE_URL") or None,
        redis_url=environment.get("REDIS_URL") or None,
    )


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
        raise LaunchFailure(f"PORT must be a number from 1 to 65535, not {text!r}.")
    return int(text)
