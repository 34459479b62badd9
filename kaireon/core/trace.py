"""Log lines that follow one event from its request to its deliveries.

By themselves the lines of requests and batches name the first few ids: enough to follow an event on a quiet
installation, and of one length on a busy one. With KAIREON_TRACE_EVENTS each event, firing and attempt gets a line of
its own.
"""

import logging
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

MOST_IDS = 20
"""So many ids stand in one line; how many there are in all stands beside them."""

_logger = logging.getLogger("kaireon.trace")


def few(ids: Iterable[str]) -> list[str]:
    """The first of `ids`, for a line that must not grow with its batch."""
    return list(islice(ids, MOST_IDS))


def is_on() -> bool:
    """Whether each event is followed. Ask before lines are made: at ten thousand events a second they are dear."""
    return _logger.isEnabledFor(logging.DEBUG)


def write(stage: str, lines: Sequence[dict[str, Any]]) -> None:
    """One line for each of `lines`: what was done is the message, the rest are fields of the line."""
    for line in lines:
        _logger.debug(stage, extra=line)
