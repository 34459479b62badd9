"""Who wants to see each batch of events. Packages above this one register at start-up."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from msgspec import Struct

from kaireon.core import tokens

MAX_DEPTH = 8
"""An event with this many firings or enrolments behind it sets nothing off: something is going round in circles."""


class QueuedEvent(Struct, frozen=True, kw_only=True):
    """An event in the hands of a worker."""

    sequence: int
    event_id: str
    event_type: str
    customer_id: str | None
    occurred_at: datetime
    received_at: datetime
    properties: Mapping[str, Any]
    cause: str
    depth: int
    lane: int
    attempts: int
    is_retry: bool


Decision = dict[str, Any]
"""One line of an event's ledger: `{triggerId, version, decision, until?, firingId?, reason?}`.

As it is stored, a line may also stand for `count` triggers that have no line of their own, see `events.ledgers`.
"""


class Consumer(Protocol):
    """Handles a batch inside the drain's transaction; what it raises sets the batch back and is retried."""

    def __call__(self, events: Sequence[QueuedEvent], *, now: datetime) -> Mapping[int, list[Decision]]:
        """Acts on `events`, in order, of lanes that this worker holds. Returns ledger lines by the event's sequence."""


Hearing = Callable[[Collection[str]], Collection[str]]
"""Says which of some event types a consumer does anything with, at this moment."""

_consumers: dict[str, Consumer] = {}
_hearing: dict[str, Hearing] = {}


def register(name: str, consumer: Consumer, *, hears: Hearing) -> None:
    """Adds a consumer; they see a batch in the order of registration. The same name again replaces it."""
    _consumers[name] = consumer
    _hearing[name] = hears


def unheard(event_types: Collection[str]) -> set[str]:
    """Those of the types that no consumer would do anything with."""
    if _consumers.keys() - _hearing.keys():
        return set()
    return set(event_types).difference(*(hears(event_types) for hears in _hearing.values()))


def consume(events: Sequence[QueuedEvent], *, now: datetime) -> dict[int, list[Decision]]:
    """Hands `events` to every consumer and joins their ledgers.

    The look for what is compiled comes after the events were read: what was saved before an event was accepted holds
    for it.
    """
    ledger: dict[int, list[Decision]] = {event.sequence: [] for event in events}
    with tokens.one_look():
        for consumer in _consumers.values():
            for sequence, decisions in consumer(events, now=now).items():
                ledger[sequence].extend(decisions)
    return ledger
