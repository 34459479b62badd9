"""Lines for the person at the terminal."""

import os
import sys


def say(text: str) -> None:
    """Prints `text`. Where nobody listens any more (a closed terminal, a closed pipe) nothing happens."""
    try:
        print(text, flush=True)
    except OSError:
        # Python would try once more at its exit, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def complain(text: str) -> None:
    """Prints `text` on standard error, as tolerant as `say`."""
    try:
        print(f"kaireon: {text}", file=sys.stderr, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
