"""The compiled triggers of this process, brought up to date once a batch."""

import logging
import threading
from datetime import datetime
from itertools import groupby
from typing import Any

from django.db import connection

from triggers.engine.compilation import CompiledTrigger, Listeners, State, compile_trigger
from triggers.models import Trigger

logger = logging.getLogger(__name__)

_NEVER_LOADED = object()
# The moment as well, since a deleted trigger's id may be given to a new one, and that begins with version 1.
_Key = tuple[str, int, datetime]

# One statement, so that the triggers are those of that very state.
_ACTIVE = """
    SELECT catalogue.token, catalogue.state, trigger.id, trigger.version, trigger.updated_at
    FROM triggers_catalogue AS catalogue LEFT JOIN triggers_trigger AS trigger ON trigger.status = 'active'
    ORDER BY trigger.event_type, trigger.priority DESC, trigger.id
"""


class CompiledCatalogue:
    """Compiles again what changed since the last look, and only that."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._token: Any = _NEVER_LOADED
        self._state = State(0, {})
        self._compiled: dict[_Key, CompiledTrigger] = {}

    def current(self) -> State:
        """The active triggers by event type.

        To be read after the batch's events: a trigger's change is committed before any event that is accepted after it.
        """
        token = _token()
        with self._lock:
            while token != self._token:
                self._load()
                token = _token()
            return self._state

    def _load(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_ACTIVE)
            rows = cursor.fetchall()
        active: list[_Key] = [(row[2], row[3], row[4]) for row in rows if row[2] is not None]
        missing = [key[0] for key in active if key not in self._compiled]
        fresh = {_key(trigger): trigger for trigger in Trigger.objects.filter(pk__in=missing)}
        compiled: dict[_Key, CompiledTrigger] = {}
        for key in active:
            found = self._compiled.get(key) or _compiled(fresh.get(key))
            if found is not None:
                compiled[key] = found
        self._compiled = compiled
        listeners = {
            event_type: self._listeners(event_type, tuple(group))
            for event_type, group in groupby(compiled.values(), key=lambda one: one.event_type)
        }
        self._token, number = (rows[0][0], rows[0][1]) if rows else (None, 0)
        self._state = State(number, listeners)

    def _listeners(self, event_type: str, triggers: tuple[CompiledTrigger, ...]) -> Listeners:
        """Those that there are already, where no trigger of the type has changed."""
        before = self._state.listeners.get(event_type)
        return before if before and before.triggers == triggers else Listeners.of(triggers, before=before)


def _token() -> Any:
    """Asked once a batch, also of one event, so without Django's way of writing queries, which takes longer."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT token FROM triggers_catalogue")
        row = cursor.fetchone()
    return row and row[0]


def _key(trigger: Trigger) -> _Key:
    return trigger.pk, trigger.version, trigger.updated_at


def _compiled(trigger: Trigger | None) -> CompiledTrigger | None:
    if trigger is None:  # changed or deleted meanwhile; the token has changed again, and `current` looks again
        return None
    try:
        return compile_trigger(trigger)
    except Exception:
        # Only a row that was changed past every check, say by hand in SQL; the other triggers must go on.
        logger.exception("A trigger can't be compiled and does not fire", extra={"trigger_id": trigger.pk})
        return None


catalogue = CompiledCatalogue()
