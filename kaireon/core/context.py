"""Who is acting, and in which request: read by the audit log, the error shape and the log lines.

Both are set once at the edge (middleware, authentication) and hold for that request or task alone.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

SYSTEM = "system"

_request_id: ContextVar[str] = ContextVar("kaireon_request_id", default="")
_actor: ContextVar[str] = ContextVar("kaireon_actor", default=SYSTEM)
_event_ids: ContextVar[list[str] | None] = ContextVar("kaireon_event_ids", default=None)


def current_request_id() -> str:
    """The id of the request in hand; empty outside of one."""
    return _request_id.get()


def set_request_id(request_id: str) -> None:
    """Names the request in hand."""
    _request_id.set(request_id)


def current_actor() -> str:
    """Who acts: `user:<name>`, `key:<id> (<name>)`, or `system` where nobody asked for it."""
    return _actor.get()


def set_actor(actor: str) -> None:
    """Names who acts from here on in this request."""
    _actor.set(actor)


def begin_noting_events() -> list[str]:
    """The list that gets the ids of the events which this request stores, for its log line."""
    ids: list[str] = []
    _event_ids.set(ids)
    return ids


def stop_noting_events() -> None:
    """The request is over."""
    _event_ids.set(None)


def note_events(ids: Iterable[str]) -> None:
    """Says that events were stored. Outside of a request nobody asks."""
    noted = _event_ids.get()
    if noted is not None:
        noted.extend(ids)


@contextmanager
def outside_of_requests() -> Iterator[None]:
    """Within the block no request is in hand: for what a thread does for several of them at once."""
    request_id, actor, event_ids = _request_id.set(""), _actor.set(SYSTEM), _event_ids.set(None)
    try:
        yield
    finally:
        _request_id.reset(request_id)
        _actor.reset(actor)
        _event_ids.reset(event_ids)
