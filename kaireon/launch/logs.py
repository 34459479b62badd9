"""What the programs write: one file each below KAIREON_HOME/logs, of bounded size, with one older file beside it."""

import shutil
from pathlib import Path

LARGEST_BYTES = 32 * 1024**2


def begin_anew(folder: Path) -> None:
    """Puts the last run's files aside as `NAME.log.1`."""
    for log in folder.glob("*.log"):
        log.replace(log.with_name(f"{log.name}.1"))


def trim(folder: Path) -> None:
    """Puts files aside that have grown too large. Programs append, so an emptied file goes on from its start."""
    for log in folder.glob("*.log"):
        if log.stat().st_size > LARGEST_BYTES:
            shutil.copyfile(log, log.with_name(f"{log.name}.1"))
            with log.open("r+b") as file:
                file.truncate()
