"""Single events that come at the same time are stored together: one statement, one commit.

The threads of a web process hand their events in. One of them stores all that have gathered while the others wait for
its answer, and nobody waits for more to come: what is there when one commit has ended goes into the next.
"""

import select
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from django.db import DatabaseError, InterfaceError, OperationalError, connection

from kaireon.accounts.keys import find_keys, remembered_keys
from kaireon.accounts.roles import Ability, may
from kaireon.accounts.throttling import within_rate
from kaireon.core import clock
from kaireon.core.context import outside_of_requests
from kaireon.events.capacity import OverCapacity, admit
from kaireon.events.publish import Accepted, NewEvent, publish
from kaireon.events.while_keys_live import KeyRevoked, insert_while_keys_live


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
    # Let go when it is done, or when it is its thread's turn to store what has gathered. Each has a lock of its own:
    # to wake all who wait after every commit, most of them for nothing, doubled the switches between threads.
    _waits: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._waits.acquire()

    def wait(self) -> None:
        """Until it is done, or its thread's turn has come."""
        self._waits.acquire()

    def go_on(self) -> None:
        """Ends the wait."""
        self._waits.release()


_gathered: list[Letter] = []
_is_storing = False
_changing = threading.Lock()


def store(letter: Letter) -> None:
    """Returns when `letter` says what became of it; its event is committed before that."""
    global _gathered, _is_storing
    with _changing:
        _gathered.append(letter)
        has_to_wait, _is_storing = _is_storing, True
    if has_to_wait:
        letter.wait()
        if letter.is_done:
            return
    with _changing:
        letters, _gathered = _gathered, []
    try:
        with outside_of_requests():
            _store(letters)
    except Exception as failure:  # noqa: BLE001  of any kind: each of those who wait raises it again
        for one in letters:
            one.failure = failure
    finally:
        for one in letters:
            one.is_done = True
            one.go_on()
        with _changing:
            _is_storing = bool(_gathered)
            if _gathered:
                _gathered[0].go_on()


def _store(letters: Sequence[Letter]) -> None:
    now = clock.now()
    # The look for keys, or `_is_undisturbed`, notices a connection that PostgreSQL has closed; Django would ask it.
    connection.health_check_done = True  # type: ignore[attr-defined]  # the stubs leave this attribute out
    texts = {letter.key for letter in letters}
    remembered = remembered_keys(texts, now=now) if _is_undisturbed() else None
    try:
        keys = find_keys(texts, now=now) if remembered is None else remembered
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
        try:
            hashes = sorted({keys[one.key].key_hash for one in taken})
            insert = partial(insert_while_keys_live, key_hashes=hashes)
            results = publish([one.event for one in taken], now=now, insert=insert)
        except KeyRevoked:
            keys = find_keys(texts, now=now)
            taken = [one for one in taken if one.key in keys]
            results = publish([one.event for one in taken], now=now)
    except DatabaseError:
        # A connection that still works has said no, and nothing was stored. Of one that broke nobody knows.
        if connection.is_usable():
            return
        raise
    for one, accepted in zip(taken, results, strict=True):
        one.accepted, one.actor = accepted, keys[one.key].actor


def _is_undisturbed() -> bool:
    """Whether the connection is open and PostgreSQL has said nothing on it unasked, such as that it ends."""
    if connection.connection is None or connection.connection.closed:
        return False
    waiting = select.poll()
    waiting.register(connection.connection.fileno(), select.POLLIN)
    return not waiting.poll(0)
