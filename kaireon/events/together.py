"""Single events that come at the same time are stored together: one look for their keys, one statement, one commit.

The threads of a web process hand their events in. One of them stores all that have gathered while the others wait for
its answer, and nobody waits for more to come: what is there when one commit has ended goes into the next.
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import DatabaseError, InterfaceError, OperationalError, connection

from kaireon.accounts.keys import find_keys
from kaireon.accounts.roles import Ability, may
from kaireon.accounts.throttling import within_rate
from kaireon.core import clock
from kaireon.core.context import outside_of_requests
from kaireon.events.capacity import OverCapacity, admit
from kaireon.events.publish import Accepted, NewEvent, publish


@dataclass(slots=True, eq=False)
class Letter:
    """An event from outside, with the API key that came with it; then what became of it.

    Where neither `accepted` nor `failure` is there nothing was stored: whoever handed it in goes the long way, alone,
    and learns there what is wrong.
    """

    key: str
    event: NewEvent
    accepted: Accepted | None = None
    actor: str = ""
    failure: Exception | None = None
    is_done: bool = False


_gathered: list[Letter] = []
_is_storing = False
_changed = threading.Condition()


def store(letter: Letter) -> None:
    """Returns when `letter` says what became of it; its event is committed before that."""
    global _gathered, _is_storing
    with _changed:
        _gathered.append(letter)
        _changed.wait_for(lambda: letter.is_done or not _is_storing)
        if letter.is_done:
            return
        letters, _gathered, _is_storing = _gathered, [], True
    try:
        with outside_of_requests():
            _store(letters)
    except Exception as failure:  # noqa: BLE001  of any kind: each of those who wait raises it again
        for one in letters:
            one.failure = failure
    finally:
        with _changed:
            for one in letters:
                one.is_done = True
            _is_storing = False
            _changed.notify_all()


def _store(letters: Sequence[Letter]) -> None:
    now = clock.now()
    # The look for keys is the first to notice a connection that PostgreSQL has closed; Django would ask beforehand.
    connection.health_check_done = True  # type: ignore[attr-defined]  # left out by the stubs
    try:
        keys = find_keys({letter.key for letter in letters}, now=now)
    except (OperationalError, InterfaceError):
        connection.close()
        return
    allowed = [one for one in letters if one.key in keys and may(keys[one.key].role, Ability.SEND)]
    try:
        admit(len(allowed))
    except OverCapacity:
        return
    in_time = within_rate([keys[one.key].id for one in allowed], now=time.time())
    taken = [one for one, is_in_time in zip(allowed, in_time, strict=True) if is_in_time]
    try:
        results = publish([one.event for one in taken], now=now)
    except DatabaseError:
        # A connection that still works has said no, and nothing was stored. Of one that broke nobody knows.
        if connection.is_usable():
            return
        raise
    for one, accepted in zip(taken, results, strict=True):
        one.accepted, one.actor = accepted, keys[one.key].actor
