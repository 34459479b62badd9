"""What became of events, told whole: decisions, firings, what was sent and changed. Six queries, however many."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import F, OuterRef, Subquery

from kaireon.decisioning.models import Channel, InboxMessage
from kaireon.delivery.models import Delivery
from kaireon.events.consumers import Decision
from kaireon.events.models import Event
from kaireon.journeys.models import Enrolment, Journey
from triggers.ledger import unmet_count, whole_ledgers
from triggers.models import Firing, Trigger
from triggers.studio.ledger import Line, line_of
from triggers.studio.outcomes import Change

MOST_UNMET_SHOWN = 100
"""Of one event: a type can have thousands of triggers whose conditions do not hold."""
MOST_SENT_SHOWN = 500
"""Of all events together: one event can set off thousands of webhooks."""


@dataclass(slots=True)
class Sent:
    """What a firing, or a journey that the event moved, has sent and begun."""

    deliveries: list[Delivery] = field(default_factory=list)
    messages: list[InboxMessage] = field(default_factory=list)
    enrolments: list[Enrolment] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A line of the ledger with what the firing has sent."""

    line: Line
    sent: Sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One event.

    `unmet` are the first of `unmet_count` triggers whose conditions did not hold, `changes` is what it says of the
    customer's record, `by_journeys` what journeys sent because of it.
    """

    event: Event
    acted: Sequence[Told]
    held_back: Sequence[Line]
    unmet: Sequence[Line]
    unmet_count: int
    changes: Sequence[Change]
    by_journeys: Sequence[Delivery]


_HELD_BACK = {"cooldown", "missing_customer", "loop_stopped"}


def tell(events: Sequence[Event], *, enrolled: Iterable[Enrolment] | None = None) -> list[Story]:
    """The stories of `events`, in their order. `enrolled`: the enrolments that they may tell of, if they are known."""
    if not events:
        return []
    firings = {one.pk: one for one in Firing.objects.filter(event_id__in=[event.event_id for event in events])}
    ledgers = whole_ledgers(events, most_unmet=MOST_UNMET_SHOWN)
    triggers = _triggers(ledgers.values())
    sent, by_journeys = _sent(events, firings)
    for enrolment in _enrolled_by(firings) if enrolled is None else enrolled:
        if enrolment.cause in firings:
            sent.setdefault(enrolment.cause, Sent()).enrolments.append(enrolment)
    return [
        _story(
            event,
            [line_of(raw, triggers=triggers, firings=firings) for raw in ledgers[event.pk]],
            sent,
            by_journeys.get(event.event_id, []),
        )
        for event in events
    ]


def _story(event: Event, lines: Sequence[Line], sent: Mapping[str, Sent], by_journeys: Sequence[Delivery]) -> Story:
    acted = [line for line in lines if line.firing is not None or line.decision in {"fired", "action_failed"}]
    return Story(
        event=event,
        acted=[Told(line=line, sent=sent.get(line.firing.pk if line.firing else "", Sent())) for line in acted],
        held_back=[line for line in lines if line.decision in _HELD_BACK],
        unmet=[line for line in lines if line.decision == "condition_false"],
        unmet_count=unmet_count(event),
        changes=_changes(event),
        by_journeys=by_journeys,
    )


def _triggers(ledgers: Iterable[Sequence[Decision]]) -> dict[str, Trigger]:
    """Those that stand in `ledgers`, as far as they are still there."""
    ids = {line["triggerId"] for ledger in ledgers for line in ledger}
    return Trigger.objects.only("name", "version").in_bulk(ids) if ids else {}


def _sent(events: Iterable[Event], firings: Mapping[str, Firing]) -> tuple[dict[str, Sent], dict[str, list[Delivery]]]:
    """By the ids of firings, and what journeys sent by the ids of events."""
    sent: dict[str, Sent] = {}
    by_journeys: dict[str, list[Delivery]] = {}
    deliveries = Delivery.objects.filter(event_id__in=[event.event_id for event in events])
    for delivery in deliveries.defer("headers", "body").order_by("id")[:MOST_SENT_SHOWN]:
        if delivery.firing_id in firings:
            sent.setdefault(delivery.firing_id, Sent()).deliveries.append(delivery)
        else:
            by_journeys.setdefault(delivery.event_id, []).append(delivery)
    names = Channel.objects.filter(pk=OuterRef("channel_id")).values("name")
    if recommending := _of_type(firings, "fire_recommend"):
        messages = InboxMessage.objects.filter(cause__in=recommending).exclude(cause="")
        for message in messages.annotate(channel_name=Subquery(names)).order_by("id")[:MOST_SENT_SHOWN]:
            sent.setdefault(message.cause, Sent()).messages.append(message)
    return sent, by_journeys


def _enrolled_by(firings: Mapping[str, Firing]) -> Iterable[Enrolment]:
    enrolling = _of_type(firings, "enroll_journey")
    return enrolments(cause__in=enrolling).exclude(cause="")[:MOST_SENT_SHOWN] if enrolling else ()


def _of_type(firings: Mapping[str, Firing], action_type: str) -> list[str]:
    return [firing.pk for firing in firings.values() if firing.action_type == action_type]


def enrolments(**which: Any) -> Any:
    """Enrolments with `journey_name`, None where the journey was deleted."""
    names = Journey.objects.filter(pk=OuterRef("journey_id")).values("name")
    return (
        Enrolment.objects.filter(**which).annotate(journey_name=Subquery(names)).order_by(F("started_at").desc(), "-id")
    )


def _changes(event: Event) -> list[Change]:
    """What `customer.created` and `customer.updated` say; other events say nothing of the record."""
    if event.event_type not in {"customer.created", "customer.updated"}:
        return []
    before, after = event.properties.get("before") or {}, event.properties.get("after") or {}
    names = event.properties.get("changed") or []
    if not (isinstance(before, dict) and isinstance(after, dict) and isinstance(names, list)):
        return []  # an event by that name that somebody sent by the API
    return [Change(str(name), before.get(name), after.get(name)) for name in names]
