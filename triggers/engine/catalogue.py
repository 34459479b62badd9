"""The compiled triggers of this process, brought up to date once a batch."""

import logging
import threading
from itertools import groupby
from typing import Any

import msgspec
from django.db import connection

from kaireon.core import tokens
from triggers.engine.compilation import CompiledTrigger, Listeners, State, compile_trigger
from triggers.models import Trigger

logger = logging.getLogger(__name__)

_NEVER_LOADED = object()
_TABLE = "triggers_catalogue"
# Id, version and the moment as well, since a deleted trigger's id may be given to a new one, and that begins with
# version 1.
_Key = tuple[str, int, str]

# One statement, so that the triggers are those of that very state; as one text, since they may be ten thousand.
_ACTIVE = """
    SELECT token, state, (
        SELECT json_agg(json_build_array(id, version, updated_at) ORDER BY event_type, priority DESC, id)::text
        FROM triggers_trigger WHERE status = 'active'
    )
    FROM triggers_catalogue
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
        token = tokens.token(_TABLE)
        with self._lock:
            while token != self._token:
                self._load()
                token = tokens.token_now(_TABLE)
            return self._state

    def _load(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_ACTIVE)
            token, number, keys = cursor.fetchone() or (None, 0, None)
        active = msgspec.json.decode(keys or "[]", type=list[_Key])
        missing = [key[0] for key in active if key not in self._compiled]
        # Of another one that has the same id and version, `current` is told by the token.
        fresh = {(trigger.pk, trigger.version): trigger for trigger in Trigger.objects.filter(pk__in=missing)}
        compiled: dict[_Key, CompiledTrigger] = {}
        for key in active:
            found = self._compiled.get(key) or _compiled(fresh.get(key[:2]))
            if found is not None:
                compiled[key] = found
        self._compiled = compiled
        listeners = {
            event_type: self._listeners(event_type, tuple(group))
            for event_type, group in groupby(compiled.values(), key=lambda one: one.event_type)
        }
        self._token = token
        self._state = State(number, listeners)

    def _listeners(self, event_type: str, triggers: tuple[CompiledTrigger, ...]) -> Listeners:
        """Those that there are already, where no trigger of the type has changed."""
        before = self._state.listeners.get(event_type)
        return before if before and before.triggers == triggers else Listeners.of(triggers, before=before)


def _compiled(trigger: Trigger | None) -> CompiledTrigger | None:
    if trigger is None:  # changed or deleted meanwhile; the token has changed again, and `current` looks again
        return None
    try:
        return compile_trigger(trigger)
    except Exception:
        # Only a row that was changed past every check, say by hand in SQL; the other triggers must go on.
        logger.exception("A trigger can't be compiled and does not fire", extra={"trigger_id": trigger.pk})
        return None


tokens.register(_TABLE)
catalogue = CompiledCatalogue()
