"""The ledger of an event, whole: what each trigger that listened to it decided, and why.

The engine stores the lines of triggers whose conditions held, and one line for all others: how many, in which state of
the catalogue, and what conditions saw of the customer's record. Who they were, and why their conditions did not hold,
is told from that when somebody asks. Listeners and events do not change, so it is what the engine would have written.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import reduce
from itertools import starmap
from operator import or_
from typing import Any

from django.db.models import Q

from kaireon import conditions
from kaireon.events.consumers import Decision
from kaireon.events.documents import condition_document, with_customer
from kaireon.events.models import Event
from triggers.engine.decisions import Verdict, reason_of
from triggers.models import Listener

_Key = tuple[str, int]
"""Event type, and the state of the catalogue."""


def whole_ledger(event: Event) -> list[Decision]:
    """Every line of the event's ledger, by priority."""
    return whole_ledgers([event])[event.pk]


def whole_ledgers(events: Sequence[Event], *, most_unmet: int | None = None) -> Mapping[int, list[Decision]]:
    """The ledgers of events by their sequence, with one query at most.

    `most_unmet` tells at most so many lines of triggers whose conditions did not hold; how many there are in all, the
    event's own `decisions` say (`unmet_count`).
    """
    listeners = _listeners({key for event in events if (key := _key(event)) is not None})
    return {event.pk: _whole(event, listeners, most_unmet) for event in events}


def unmet_count(event: Event) -> int:
    """How many triggers listened to the event and did not fire because their conditions did not hold."""
    return sum(line.get("count", 1) for line in event.decisions if line["decision"] == Verdict.CONDITION_FALSE)


def line_of_trigger(event: Event, trigger_id: str) -> Decision | None:
    """What one trigger decided; None where it did not listen."""
    for line in event.decisions:
        if line.get("triggerId") == trigger_id:
            return dict(line)
    rest, key = _rest(event), _key(event)
    listener = Listener.objects.filter(_listened(*key), trigger_id=trigger_id).first() if key else None
    return None if rest is None or listener is None else _unmet(listener, event, rest)


def _whole(event: Event, listeners: Mapping[_Key, Sequence[Listener]], most_unmet: int | None) -> list[Decision]:
    rest, key = _rest(event), _key(event)
    if rest is None or key is None:
        return list(event.decisions)
    lines = {line["triggerId"]: line for line in event.decisions if line is not rest}
    told: list[Decision] = []
    unmet = 0
    for listener in listeners[key]:
        if listener.trigger_id in lines:
            told.append(lines.pop(listener.trigger_id))
        elif most_unmet is None or unmet < most_unmet:
            told.append(_unmet(listener, event, rest))
            unmet += 1
    # What is left are triggers that fired in an earlier try and do not listen any more.
    return [*lines.values(), *told]


def _unmet(listener: Listener, event: Event, rest: Mapping[str, Any]) -> Decision:
    line: Decision = {
        "triggerId": listener.trigger_id,
        "version": listener.version,
        "decision": Verdict.CONDITION_FALSE.value,
    }
    # An erased customer's event has lost what the reason was about.
    if not rest.get("erased"):
        document = condition_document(event)
        if "seen" in rest:
            document = with_customer(document, rest["seen"])
        if reason := reason_of(conditions.why_false(conditions.parse(listener.condition), document)):
            line["reason"] = reason
    return line


def _listeners(keys: Collection[_Key]) -> Mapping[_Key, Sequence[Listener]]:
    """Who listened to each type in each state, by priority."""
    if not keys:
        return {}
    found = Listener.objects.filter(reduce(or_, starmap(_listened, keys))).order_by("-priority", "trigger_id")
    by_type: dict[str, list[Listener]] = {}
    for listener in found:
        by_type.setdefault(listener.event_type, []).append(listener)
    return {
        (event_type, state): [
            one
            for one in by_type.get(event_type, ())
            if one.since <= state and (one.until is None or one.until > state)
        ]
        for event_type, state in keys
    }


def _listened(event_type: str, state: int) -> Q:
    return Q(event_type=event_type, since__lte=state) & (Q(until__isnull=True) | Q(until__gt=state))


def _rest(event: Event) -> Mapping[str, Any] | None:
    """The line that stands for all triggers whose conditions did not hold."""
    return next((line for line in event.decisions if "state" in line), None)


def _key(event: Event) -> _Key | None:
    rest = _rest(event)
    return None if rest is None else (event.event_type, rest["state"])
