"""Moving enrolments on: in memory from node to node, until each waits or has ended, then written in one statement.

In every round each enrolment takes one step, and those who stand at nodes of one type take theirs together: one call
for all recommendations, one for all messages, one for all changed records. All of it is one transaction with the rows,
so a crash leaves everything or nothing, and the next try begins where the last one was committed.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import InterfaceError, OperationalError, transaction
from redis import RedisError

from kaireon.core.ids import derived_id
from kaireon.events.publish import NewEvent, publish
from kaireon.journeys.compilation import CompiledJourney
from kaireon.journeys.models import EnrolmentStatus
from kaireon.journeys.nodes import NODE_TYPES
from kaireon.journeys.nodes.base import Scope, Step
from kaireon.journeys.rows import save
from kaireon.journeys.traveller import Traveller

logger = logging.getLogger(__name__)

MAX_STEPS = 100
"""Steps without a wait; a graph that was checked has fewer nodes than that."""
COMPLETED_EVENT = "journey.completed"
SOURCE = "journeys"

Journeys = Mapping[str, CompiledJourney]


def advance(travellers: Sequence[Traveller], *, journeys: Journeys, scope: Scope) -> None:
    """Moves `travellers`, whose rows the caller has locked, whose journeys are active, and whose waits are over.

    To be called inside a transaction. What a node can't do is noted, and the enrolment goes on; one that can't go on is
    `exited` with a reason that begins with "failed: ".
    """
    _load_customers(travellers, journeys, scope)
    for traveller in travellers:
        _resume(traveller, journeys[traveller.journey_id], scope)
    for _ in range(MAX_STEPS):
        moving = [traveller for traveller in travellers if traveller.is_moving]
        if not moving:
            break
        _step(moving, journeys, scope)
    for traveller in travellers:
        if traveller.is_moving:
            traveller.leave(reason=f"failed: more than {MAX_STEPS} steps without a wait", at=scope.now)
    finish(travellers, journeys=journeys, now=scope.now)


def finish(travellers: Sequence[Traveller], *, journeys: Journeys, now: datetime) -> None:
    """Writes where they have come to, and tells of those that have ended."""
    save(travellers)
    ended = [traveller for traveller in travellers if traveller.status != EnrolmentStatus.ACTIVE]
    publish([_completed_event(one, journeys[one.journey_id].name) for one in ended], now=now)


def advance_or_leave(travellers: Sequence[Traveller], *, journeys: Journeys, scope: Scope) -> bool:
    """`advance`, for callers who have more at stake: whoever breaks it is taken up by the beat task instead.

    The rows must be due already (`resume_at`). True where they were moved; else everything is as before. Raises only
    where PostgreSQL or Redis is away, or where two transactions stood in each other's way.
    """
    if not travellers:
        return True
    try:
        with transaction.atomic():
            advance(travellers, journeys=journeys, scope=scope)
    except (OperationalError, InterfaceError, RedisError):
        raise
    except Exception:
        # A bug in a node, or data that it can't bear: nothing of it may break the event or the request at hand. The
        # beat task finds out which enrolment it is.
        logger.exception("Enrolments could not be moved; they are tried again one by one")
        scope.records.forget()
        return False
    return True


def _resume(traveller: Traveller, journey: CompiledJourney, scope: Scope) -> None:
    """Ends the wait. What counts is the journey as it is now, not as it was when the wait began."""
    resumed_by = traveller.resumed_by
    traveller.go_on()
    node = journey.nodes.get(traveller.node)
    if scope.now >= traveller.expires_at:
        traveller.leave(reason="expired", at=scope.now)
    elif node is None:
        traveller.leave(reason=f"failed: the journey has no node {traveller.node} any more", at=scope.now)
    elif journey.waiting_at(traveller.node) is not None:
        if resumed_by:
            traveller.note("event", at=scope.now, eventId=resumed_by)
        else:
            traveller.note("time passed", at=scope.now)
        _follow(traveller, journey, None, scope)


def _step(moving: Sequence[Traveller], journeys: Journeys, scope: Scope) -> None:
    """One step for each, the types of node one after the other."""
    by_type: dict[str, list[Traveller]] = {name: [] for name in NODE_TYPES}
    for traveller in moving:
        node = journeys[traveller.journey_id].nodes[traveller.node]
        by_type[node.type.node_type].append(traveller)
    for name, together in by_type.items():
        if not together:
            continue
        steps = []
        for traveller in together:
            journey = journeys[traveller.journey_id]
            steps.append(Step(traveller, journey.name, journey.nodes[traveller.node].prepared))
        answers = NODE_TYPES[name].run(steps, scope)
        for traveller, when in zip(together, answers, strict=True):
            traveller.steps += 1
            if traveller.is_moving:
                _follow(traveller, journeys[traveller.journey_id], when, scope)


def _follow(traveller: Traveller, journey: CompiledJourney, when: bool | None, scope: Scope) -> None:
    """On to the next node. There always is one in a graph that was checked."""
    target = journey.nodes[traveller.node].ways.get(when)
    if target is None:
        traveller.leave(reason=f"failed: node {traveller.node} leads nowhere", at=scope.now)
    else:
        traveller.node = target


def _load_customers(travellers: Sequence[Traveller], journeys: Journeys, scope: Scope) -> None:
    """One query for the default-schema records that the journeys read."""
    customer_ids = {one.customer_id for one in travellers if journeys[one.journey_id].reads_customer}
    if customer_ids and scope.records.default_schema_id is not None:
        scope.records.load(scope.records.default_schema_id, customer_ids, lock=False)


def _completed_event(traveller: Traveller, journey_name: str) -> NewEvent:
    """Its id is made of the enrolment's, so that it can't be there twice."""
    return NewEvent(
        event_type=COMPLETED_EVENT,
        customer_id=traveller.customer_id,
        properties={
            "journeyId": traveller.journey_id,
            "journeyName": journey_name,
            "enrollmentId": traveller.id,
            "reason": traveller.reason,
            "status": str(traveller.status),
        },
        source=SOURCE,
        event_id=derived_id("evt_", traveller.id, COMPLETED_EVENT),
        cause=traveller.id,
        depth=traveller.depth + 1,
    )
