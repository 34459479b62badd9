"""The folder that holds all state of `make run`: made, locked, and the keys in it generated once."""

import base64
import fcntl
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from kaireon.launch import environment
from kaireon.launch.environment import LOCK_NAME
from kaireon.launch.failure import LaunchFailure

KEYS_NAME = "keys"


@contextmanager
def claimed(home: Path) -> Iterator[None]:
    """Makes `home` and holds its lock. Raises LaunchFailure where that can't be, or another supervisor holds it."""
    descriptor = None
    try:
        home.mkdir(parents=True, exist_ok=True)
        (home / "logs").mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(home / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
        if not os.access(home, os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied")
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise LaunchFailure(
            f"Kaireon is running on {home} already{_holder(home)}. Stop it, or choose another folder with KAIREON_HOME."
        ) from None
    except OSError as error:
        raise LaunchFailure(f"Can't write to KAIREON_HOME ({home}): {error.strerror}.") from None
    else:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def keys(home: Path, given: Mapping[str, str]) -> dict[str, str]:
    """SECRET_KEY, KAIREON_SECRETS_KEYS and KAIREON_AUDIT_KEYS: as in `given`, else as kept in `home`.

    Made and kept on the first call; one that is new with this version, on the first call of this version.
    """
    file = home / KEYS_NAME
    kept = environment.parse(file.read_text(encoding="utf-8")) if file.exists() else {}
    complete = {
        "SECRET_KEY": secrets.token_urlsafe(50),
        # The form that Fernet demands: 32 bytes in URL-safe Base64.
        "KAIREON_SECRETS_KEYS": base64.urlsafe_b64encode(os.urandom(32)).decode(),
        "KAIREON_AUDIT_KEYS": base64.urlsafe_b64encode(os.urandom(32)).decode(),
        **kept,
    }
    if complete != kept:
        environment.write(file, complete)
    return {name: given.get(name) or value for name, value in complete.items()}


def _holder(home: Path) -> str:
    try:
        return f" (process {int((home / LOCK_NAME).read_text())})"
    except (OSError, ValueError):
        return ""
