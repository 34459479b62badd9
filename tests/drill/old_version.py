"""The code from before the newest change of the tables, as a checkout of its own, so that its programs can be started.

`OLD=` names another revision.
"""

import io
import os
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from kaireon.launch.children import Program
from kaireon.launch.programs import PROJECT

_MIGRATIONS = (":(glob)**/migrations/*.py",)


class NoOldVersion(Exception):
    """There is no earlier version to be had here."""


def revision() -> str:
    """The revision in short. Raises NoOldVersion."""
    return _git("rev-parse", "--short", os.environ.get("OLD") or _before_the_newest_migration()).decode().strip()


def unpack(folder: Path) -> None:
    """Puts the old code into `folder`. Raises NoOldVersion."""
    wanted = os.environ.get("OLD") or _before_the_newest_migration()
    try:
        packed = _git("archive", "--format=tar", wanted)
    except subprocess.CalledProcessError as error:
        raise NoOldVersion(f"git has no {wanted}: {error.stderr.decode().strip()}") from None
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    # Its own tests may know nothing of drills.
    settings = Path(__file__).with_name("settings.py").read_text()
    (folder / "drill_settings.py").write_text(settings)


def of_old(program: Program, folder: Path, *, name: str) -> Program:
    """The same program out of the old code."""
    environment: Mapping[str, str] = {**program.environment, "DJANGO_SETTINGS_MODULE": "drill_settings"}
    return replace(
        program, name=name, directory=folder, environment=environment, log=program.log.with_name(f"{name}.log")
    )


def _before_the_newest_migration() -> str:
    """HEAD where the working tree has migrations that are not committed; else the commit before the last that had."""
    try:
        if _git("status", "--porcelain", "--untracked-files=all", "--", *_MIGRATIONS).strip():
            return "HEAD"
        newest = _git("log", "-1", "--format=%H", "--", *_MIGRATIONS).decode().strip()
        return _git("rev-parse", "--verify", f"{newest}~1").decode().strip()
    except FileNotFoundError:
        raise NoOldVersion("git is not installed") from None
    except subprocess.CalledProcessError as error:
        raise NoOldVersion(f"no earlier commit is at hand: {error.stderr.decode().strip()}") from None


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=PROJECT, capture_output=True, check=True).stdout
