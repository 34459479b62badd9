"""What keeps the product from starting, in words for the person at the terminal."""

from pathlib import Path


class LaunchFailure(Exception):
    """Ends the start. Its text is one line: what is wrong, and what to do about it."""


def last_line(log: Path) -> str:
    """The last line with text in `log`, shortened; usually the exception that ended the program."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")
