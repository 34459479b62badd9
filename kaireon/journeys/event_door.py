"""What events do to journeys: some enrol their customer, some end a wait. In the drain's transaction, batch by batch.

Where no journey listens to any of the batch's types this costs one look at the catalogue's token.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from audit.log import NewEntry, record
from kaireon.customers.working_set import WorkingSet
from kaireon.events.consumers import MAX_DEPTH, Decision, QueuedEvent
from kaireon.events.documents import condition_document, template_document, with_customer
from kaireon.journeys.advance import advance_or_leave
from kaireon.journeys.compilation import CompiledJourney, Journeys, catalogue
from kaireon.journeys.enrolling import Enrolled, Request, enrol
from kaireon.journeys.models import EnrolmentStatus
from kaireon.journeys.nodes.base import Scope
from kaireon.journeys.rows import mark_resumed, take_waiting
from kaireon.journeys.traveller import Traveller

Waiting = dict[str, list[Traveller]]
"""The enrolments that wait for an event, by customer."""


def hears(event_types: Collection[str]) -> Collection[str]:
    """The types among them that enrol customers, or end a wait."""
    journeys = catalogue.current()
    return (journeys.waited_for | journeys.entries.keys()).intersection(event_types)


def consume(events: Sequence[QueuedEvent], *, now: datetime) -> Mapping[int, list[Decision]]:
    """Ends waits and enrols customers; a consumer of events. Journeys have no lines in an event's ledger."""
    journeys = catalogue.current()
    listened_to = journeys.waited_for | journeys.entries.keys()
    concerned = [event for event in events if event.customer_id is not None and event.event_type in listened_to]
    if not concerned:
        return {}
    scope = Scope(now=now, records=WorkingSet(now=now))
    waiting = _waiting(concerned, journeys)
    _load_customers(concerned, journeys, waiting, scope)
    for wave in _waves(concerned):
        _end_waits(wave, journeys, waiting, scope)
        _enrol(wave, journeys, waiting, scope)
    return {}


def _end_waits(wave: Sequence[QueuedEvent], journeys: Journeys, waiting: Waiting, scope: Scope) -> None:
    """Resumes who waits for these events; where the journey is paused the event is noted, and counts later."""
    resumed: list[Traveller] = []
    stopped: list[NewEntry] = []
    for event in wave:
        for traveller in waiting.get(event.customer_id or "", ()):
            document = condition_document(event)
            if not _ends_the_wait(traveller, event, document, journeys, scope):
                continue
            if event.depth >= MAX_DEPTH:
                stopped.append(_loop_entry(event, traveller.journey_id))
                continue
            traveller.event = template_document(document)
            traveller.depth = event.depth
            traveller.resumed_by = event.event_id
            traveller.resume_at, traveller.waiting_for = scope.now, ""
            resumed.append(traveller)
    record(*stopped)
    if not resumed:
        return
    mark_resumed(resumed, now=scope.now)
    moving = [traveller for traveller in resumed if journeys.by_id[traveller.journey_id].is_active]
    was_moved = advance_or_leave(moving, journeys=journeys.by_id, scope=scope)
    for traveller in resumed:
        if not (was_moved and _still_waits(traveller)):
            waiting[traveller.customer_id].remove(traveller)


def _ends_the_wait(
    traveller: Traveller, event: QueuedEvent, document: Mapping[str, Any], journeys: Journeys, scope: Scope
) -> bool:
    journey = journeys.by_id.get(traveller.journey_id)
    wait = journey.waiting_at(traveller.node) if journey is not None else None
    if wait is None or event.event_type != traveller.waiting_for:
        return False
    if journey is not None and journey.nodes[traveller.node].reads_customer:
        document = with_customer(document, scope.records.default_attributes(event.customer_id))
    return wait.passes(document)


def _enrol(wave: Sequence[QueuedEvent], journeys: Journeys, waiting: Waiting, scope: Scope) -> None:
    """Enrols who is not in the journey yet, as skip_if_active does."""
    requests: list[Request] = []
    stopped: list[NewEntry] = []
    for event in wave:
        for journey in journeys.entries.get(event.event_type, ()):
            document = condition_document(event)
            if not _admits(journey, event, document, scope):
                continue
            if event.depth >= MAX_DEPTH:
                stopped.append(_loop_entry(event, journey.id))
                continue
            requests.append(
                Request(
                    journey_id=journey.id,
                    customer_id=event.customer_id or "",
                    event=template_document(document),
                    cause=event.event_id,
                    depth=event.depth,
                )
            )
    record(*stopped)
    for answer in enrol(requests, records=scope.records, now=scope.now):
        if isinstance(answer, Enrolled) and answer.was_moved and _still_waits(answer.traveller):
            waiting.setdefault(answer.traveller.customer_id, []).append(answer.traveller)


def _admits(journey: CompiledJourney, event: QueuedEvent, document: Mapping[str, Any], scope: Scope) -> bool:
    if journey.entry_reads_customer:
        document = with_customer(document, scope.records.default_attributes(event.customer_id))
    return journey.entry.admits(document)


def _still_waits(traveller: Traveller) -> bool:
    return traveller.status == EnrolmentStatus.ACTIVE and bool(traveller.waiting_for)


def _waiting(events: Sequence[QueuedEvent], journeys: Journeys) -> Waiting:
    """Who waits for the events of this batch: locked in one query, before anything else is."""
    wanted = [event for event in events if event.event_type in journeys.waited_for]
    if not wanted:
        return {}
    found: Waiting = {}
    for traveller in take_waiting(
        customer_ids={event.customer_id for event in wanted if event.customer_id is not None},
        event_types={event.event_type for event in wanted},
    ):
        found.setdefault(traveller.customer_id, []).append(traveller)
    return found


def _load_customers(events: Sequence[QueuedEvent], journeys: Journeys, waiting: Waiting, scope: Scope) -> None:
    """One query for the default-schema records that conditions read."""
    entries = {
        event.customer_id
        for event in events
        if any(journey.entry_reads_customer for journey in journeys.entries.get(event.event_type, ()))
    }
    waits = {
        traveller.customer_id
        for travellers in waiting.values()
        for traveller in travellers
        if (journey := journeys.by_id.get(traveller.journey_id)) is not None and journey.reads_customer
    }
    customer_ids = {customer_id for customer_id in entries | waits if customer_id is not None}
    if customer_ids and scope.records.default_schema_id is not None:
        scope.records.load(scope.records.default_schema_id, customer_ids, lock=False)


def _waves(events: Sequence[QueuedEvent]) -> Iterator[list[QueuedEvent]]:
    """The customers' first events, then their second ones, and so on: each finds what the one before has left."""
    waiting = list(events)
    while waiting:
        seen: set[str | None] = set()
        wave: list[QueuedEvent] = []
        later: list[QueuedEvent] = []
        for event in waiting:
            (later if event.customer_id in seen else wave).append(event)
            seen.add(event.customer_id)
        yield wave
        waiting = later


def _loop_entry(event: QueuedEvent, journey_id: str) -> NewEntry:
    return NewEntry(
        action="loop.stopped",
        subject=event.event_id,
        customer_id=event.customer_id or "",
        event_type=event.event_type,
        event_id=event.event_id,
        action_taken="journey",
        outcome="stopped",
        facts={"journeyId": journey_id, "depth": event.depth, "cause": event.cause},
    )
