"""An event's ledger as it is read: a package above this one may store lines in short, and then tells them whole."""

from collections.abc import Callable

from kaireon.events.consumers import Decision
from kaireon.events.models import Event

Teller = Callable[[Event], list[Decision]]


def _as_stored(event: Event) -> list[Decision]:
    return list(event.decisions)


_tellers: list[Teller] = [_as_stored]


def register(teller: Teller) -> None:
    """Lets `teller` tell ledgers from now on."""
    _tellers[:] = [teller]


def whole_ledger(event: Event) -> list[Decision]:
    """Every line: `{triggerId, version, decision, until?, firingId?, reason?}`, by priority."""
    return _tellers[0](event)
