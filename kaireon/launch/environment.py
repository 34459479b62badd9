"""How `manage.py` in a second terminal finds the database of the `make run` in the first one.

The supervisor writes `environment` below KAIREON_HOME, readable by its owner alone. The file counts for as long as the
supervisor holds `lock` beside it, so what a killed run left behind misleads nobody. Settings import this module: it
needs the standard library alone.
"""

import fcntl
import os
from collections.abc import Mapping
from pathlib import Path

LOCK_NAME = "lock"
ENVIRONMENT_NAME = "environment"


def adopt(home: Path) -> bool:
    """Completes this process's environment from the Kaireon that runs on `home`; says whether one does.

    A process that was told its DATABASE_URL goes by what it was told: nothing is read then.
    """
    if "DATABASE_URL" in os.environ:
        return False
    found = load(home)
    for name, value in found.items():
        os.environ.setdefault(name, value)
    return bool(found)


def load(home: Path) -> dict[str, str]:
    """The variables of the Kaireon that runs on `home`; empty where none does, or where it is another user's."""
    try:
        text = (home / ENVIRONMENT_NAME).read_text(encoding="utf-8")
    except OSError:
        return {}
    if not is_running(home):
        return {}
    return parse(text)


def write(file: Path, variables: Mapping[str, str]) -> None:
    """Writes `variables` as lines of `NAME=value`, for the owner's eyes alone."""
    write_private(file, "".join(f"{name}={value}\n" for name, value in variables.items()))


def write_private(file: Path, text: str) -> None:
    """Writes `file` in one step, readable by its owner alone."""
    draft = file.with_name(f"{file.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
        stream.write(text)
    draft.replace(file)


def parse(text: str) -> dict[str, str]:
    """Lines of `NAME=value`."""
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def is_running(home: Path) -> bool:
    """Whether a supervisor holds the lock of `home`."""
    try:
        descriptor = os.open(home / LOCK_NAME, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
