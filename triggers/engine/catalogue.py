"""The compiled triggers of this process, brought up to date once a batch."""

import logging
import threading
from datetime import datetime
from itertools import groupby
from typing import Any

from triggers.engine.compilation import CompiledTrigger, Listening, compile_trigger
from triggers.models import Catalogue, Status, Trigger

logger = logging.getLogger(__name__)

_NEVER_LOADED = object()
# The moment as well, since a deleted trigger's id may be given to a new one, and that begins with version 1.
_Key = tuple[str, int, datetime]


class CompiledCatalogue:
    """Compiles again what changed since the last look, and only that."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._token: Any = _NEVER_LOADED
        self._listening: Listening = {}
        self._compiled: dict[_Key, CompiledTrigger] = {}

    def current(self) -> Listening:
        """The active triggers by event type.

        To be read after the batch's events: a trigger's change is committed before any event that is accepted after it.
        """
        token = Catalogue.objects.values_list("token", flat=True).first()
        with self._lock:
            if token != self._token:
                self._load()
                self._token = token
            return self._listening

    def _load(self) -> None:
        active = list(
            Trigger.objects.filter(status=Status.ACTIVE)
            .order_by("event_type", "-priority", "id")
            .values_list("id", "version", "updated_at")
        )
        missing = [key[0] for key in active if key not in self._compiled]
        fresh = {trigger.pk: trigger for trigger in Trigger.objects.filter(pk__in=missing)}
        compiled: dict[_Key, CompiledTrigger] = {}
        for key in active:
            found = self._compiled.get(key) or _compiled(fresh.get(key[0]))
            if found is not None:
                compiled[key] = found
        self._compiled = compiled
        self._listening = {
            event_type: tuple(group) for event_type, group in groupby(compiled.values(), key=lambda one: one.event_type)
        }


def _compiled(trigger: Trigger | None) -> CompiledTrigger | None:
    if trigger is None:  # deleted meanwhile; the token has changed again, and the next batch looks again
        return None
    try:
        return compile_trigger(trigger)
    except Exception:
        # Only a row that was changed past every check, say by hand in SQL; the other triggers must go on.
        logger.exception("A trigger can't be compiled and does not fire", extra={"trigger_id": trigger.pk})
        return None


catalogue = CompiledCatalogue()
