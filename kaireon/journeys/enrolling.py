"""Taking customers into journeys, many at once. A constraint of the database decides who was first.

Of one journey and customer there is at most one active enrolment that is not made with allow_multiple. Whoever loses
the race finds the row there: `skip_if_active` has nothing to do then, `restart` ends it and tries again.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db import connection

from kaireon.core.ids import time_ordered_id
from kaireon.core.json_values import encode
from kaireon.customers.working_set import WorkingSet
from kaireon.journeys.advance import advance_or_leave
from kaireon.journeys.compilation import CompiledJourney, catalogue
from kaireon.journeys.models import Journey, JourneyStatus
from kaireon.journeys.nodes.base import Scope
from kaireon.journeys.rows import end
from kaireon.journeys.traveller import Traveller

ID_PREFIX = "enr_"
_MOST_RESTARTS = 100


class Deduplication(StrEnum):
    """What happens where the customer is active in the journey already."""

    SKIP_IF_ACTIVE = "skip_if_active"
    RESTART = "restart"
    ALLOW_MULTIPLE = "allow_multiple"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One customer that is to be taken into one journey.

    `event` is what templates call so, `cause` the firing or the event behind it, `depth` that event's.
    """

    journey_id: str
    customer_id: str
    deduplication: Deduplication = Deduplication.SKIP_IF_ACTIVE
    event: Mapping[str, Any] = field(default_factory=dict)
    cause: str = ""
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The customer was taken in, and has come as far as the first wait or the end. `traveller` stands there."""

    enrolment_id: str
    traveller: Traveller
    was_moved: bool


@dataclass(frozen=True, slots=True)
class AlreadyActive:
    """The customer was in the journey already, and nothing was changed."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The journey takes nobody in; the reason is a sentence without its end."""

    reason: str


Answer = Enrolled | AlreadyActive | Refused

# A share of the lock, so that a journey that is being paused is paused when its caller is told so.
_HOLD_JOURNEYS = "SELECT id, status FROM journeys_journey WHERE id = ANY(%s::text[]) ORDER BY id FOR SHARE"
# Inserted in the order of the constraint's columns: two who insert the same rows would else wait for each other.
_INSERT = """
    INSERT INTO journeys_enrolment (id, journey_id, journey_version, customer_id, status, reason, is_single,
                                    current_node, started_at, resume_at, waiting_for, resumed_by, completed_at,
                                    expires_at, steps, event, recommendation, history, cause, depth)
    SELECT id, journey_id, journey_version, customer_id, 'active', '', deduplication <> 'allow_multiple',
           current_node, %s, %s, '', '', NULL, expires_at, 0, event, NULL, '[]', cause, depth
    FROM jsonb_to_recordset(%s::jsonb)
         AS wanted(id text, journey_id text, journey_version int, customer_id text, deduplication text,
                   current_node text, expires_at timestamptz, event jsonb, cause text, depth smallint)
    WHERE deduplication <> 'skip_if_active' OR NOT EXISTS (
        SELECT FROM journeys_enrolment AS active
        WHERE active.journey_id = wanted.journey_id AND active.customer_id = wanted.customer_id
          AND active.status = 'active'
    )
    ORDER BY journey_id, customer_id
    ON CONFLICT (journey_id, customer_id) WHERE is_single AND status = 'active' DO NOTHING
    RETURNING id
"""
_HOLD_ACTIVE = """
    SELECT enrolment.id
    FROM journeys_enrolment AS enrolment
    JOIN unnest(%s::text[], %s::text[]) AS wanted(journey_id, customer_id) USING (journey_id, customer_id)
    WHERE enrolment.status = 'active'
    ORDER BY enrolment.id
    FOR UPDATE OF enrolment
"""


def enrol(requests: Sequence[Request], *, records: WorkingSet, now: datetime) -> list[Answer]:
    """Takes customers in, in the order of `requests`, and moves them on to their first wait or the end.

    To be called inside a transaction. `records` is the caller's, so that both see the same customers.
    """
    if not requests:
        return []
    statuses = _hold_journeys({request.journey_id for request in requests})
    journeys = catalogue.current().by_id
    answers: dict[int, Answer] = {}
    for wave in _waves(requests):
        wanted: dict[int, tuple[Request, CompiledJourney]] = {}
        for index in wave:
            request = requests[index]
            journey = journeys.get(request.journey_id)
            refusal = _refusal(request.journey_id, statuses.get(request.journey_id), journey)
            if refusal or journey is None:
                answers[index] = Refused(refusal)
            else:
                wanted[index] = (request, journey)
        answers |= _take_in(wanted, Scope(now=now, records=records))
    return [answers[index] for index in range(len(requests))]


def why_nobody_is_taken_in(journey_id: str) -> str:
    """The reason with which `enrol` would refuse; empty where it would not."""
    status = Journey.objects.filter(pk=journey_id).values_list("status", flat=True).first()
    return _refusal(journey_id, status, catalogue.current().by_id.get(journey_id))


def _take_in(wanted: Mapping[int, tuple[Request, CompiledJourney]], scope: Scope) -> dict[int, Answer]:
    travellers = {index: _traveller(request, journey, scope) for index, (request, journey) in wanted.items()}
    stored = _store(wanted, travellers, scope)
    new = {index: traveller for index, traveller in travellers.items() if traveller.id in stored}
    journeys = {journey.id: journey for _, journey in wanted.values()}
    was_moved = advance_or_leave(list(new.values()), journeys=journeys, scope=scope)
    return {
        index: Enrolled(new[index].id, new[index], was_moved) if index in new else AlreadyActive() for index in wanted
    }


def _store(
    wanted: Mapping[int, tuple[Request, CompiledJourney]], travellers: Mapping[int, Traveller], scope: Scope
) -> set[str]:
    """Inserts what may be inserted, and gives the ids that were."""
    stored: set[str] = set()
    pending = dict(wanted)
    for _ in range(_MOST_RESTARTS):
        restarts = [request for request, _ in pending.values() if request.deduplication is Deduplication.RESTART]
        _end_active(restarts, now=scope.now)
        stored |= _insert([_row(travellers[index], *pending[index]) for index in pending], now=scope.now)
        # Somebody else has enrolled the same customer between the two statements: that one is ended as well.
        pending = {
            index: (request, journey)
            for index, (request, journey) in pending.items()
            if request.deduplication is Deduplication.RESTART and travellers[index].id not in stored
        }
        if not pending:
            break
    return stored


def _hold_journeys(journey_ids: set[str]) -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute(_HOLD_JOURNEYS, [list(journey_ids)])
        return dict(cursor.fetchall())


def _refusal(journey_id: str, status: str | None, journey: CompiledJourney | None) -> str:
    """Why a journey takes nobody in; empty where it does."""
    if status is None:
        return f"journey {journey_id} is gone"
    if status != JourneyStatus.ACTIVE:
        return f"journey {journey_id} is {status}"
    return "" if journey is not None else f"the definition of journey {journey_id} can't be read; save it anew"


def _waves(requests: Sequence[Request]) -> Iterator[list[int]]:
    """The requests' indexes, cut so that a customer comes only once into a journey at a time, and in order."""
    waiting = list(range(len(requests)))
    while waiting:
        seen: set[tuple[str, str]] = set()
        wave: list[int] = []
        later: list[int] = []
        for index in waiting:
            key = (requests[index].journey_id, requests[index].customer_id)
            (later if key in seen else wave).append(index)
            seen.add(key)
        yield wave
        waiting = later


def _traveller(request: Request, journey: CompiledJourney, scope: Scope) -> Traveller:
    return Traveller(
        id=time_ordered_id(ID_PREFIX),
        journey_id=journey.id,
        customer_id=request.customer_id,
        node=journey.entry_id,
        started_at=scope.now,
        expires_at=scope.now + journey.max_duration,
        event=request.event,
        depth=request.depth,
    )


def _row(traveller: Traveller, request: Request, journey: CompiledJourney) -> dict[str, Any]:
    return {
        "id": traveller.id,
        "journey_id": journey.id,
        "journey_version": journey.version,
        "customer_id": request.customer_id,
        "deduplication": request.deduplication.value,
        "current_node": journey.entry_id,
        "expires_at": traveller.expires_at,
        "event": request.event,
        "cause": request.cause,
        "depth": request.depth,
    }


def _insert(rows: Sequence[Mapping[str, Any]], *, now: datetime) -> set[str]:
    """The rows are due at once, should nobody move them on in this transaction."""
    if not rows:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [now, now, encode(rows).decode()])
        return {row[0] for row in cursor.fetchall()}


def _end_active(restarts: Sequence[Request], *, now: datetime) -> None:
    """Ends the customers' active enrolments, also those made with allow_multiple."""
    if not restarts:
        return
    with connection.cursor() as cursor:
        cursor.execute(_HOLD_ACTIVE, [[one.journey_id for one in restarts], [one.customer_id for one in restarts]])
        ids = [row[0] for row in cursor.fetchall()]
    end(ids, reason="restarted", now=now)
