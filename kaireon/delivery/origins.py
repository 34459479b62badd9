"""When the events behind messages were accepted. Who knows it registers at start-up; delivery knows no events."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime

AcceptedAt = Callable[[Collection[str]], Mapping[str, datetime]]
"""Takes ids of events; those that are unknown, or gone, are left out of what comes back."""

_sources: list[AcceptedAt] = []


def register(accepted_at: AcceptedAt) -> None:
    """Makes `accepted_at` answer. The last one that registered is asked."""
    _sources[:] = [accepted_at]


def accepted_at(event_ids: Collection[str]) -> Mapping[str, datetime]:
    """The moments of those events that are known."""
    return _sources[0](event_ids) if _sources and event_ids else {}
