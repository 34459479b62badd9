"""What a trigger would do with an event: the live path's own steps, without claiming, writing or sending."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kaireon import conditions
from kaireon.core.ids import derived_id, time_ordered_id
from kaireon.customers.working_set import WorkingSet
from kaireon.events.consumers import MAX_DEPTH, QueuedEvent
from kaireon.events.documents import condition_document, template_document, with_customer
from kaireon.events.lanes import lane_of
from kaireon.events.publish import NewEvent
from triggers.actions.base import ActionFailed, Scope, Work
from triggers.engine import cooldown
from triggers.engine.compilation import CompiledTrigger, compile_trigger, reads_customer
from triggers.engine.decisions import Verdict, reason_of
from triggers.models import Status, Trigger

NOT_MATCHED = "not_matched"
"""The trigger would not even look at the event: another type, or the trigger is not active."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """The answer, with all that led to it. `action` is None where it can't be rendered; `reason` says why."""

    would_fire: bool
    decision: str
    reason: str
    explanation: conditions.Explanation
    cooldown_until: datetime | None
    action: Mapping[str, Any] | None


def try_out(trigger: Trigger, event: NewEvent, *, now: datetime) -> DryRun:
    """Runs `event` through `trigger`, which may be unsaved. Every part is shown, whichever of them says no."""
    compiled = compile_trigger(trigger)
    queued = _as_queued(event, now=now)
    scope = Scope(now=now, records=WorkingSet(now=now))
    if queued.customer_id is not None and scope.records.default_schema_id is not None:
        scope.records.load(scope.records.default_schema_id, {queued.customer_id}, lock=False)
    document = condition_document(queued)
    tested = document
    if compiled.customer_fields:
        tested = with_customer(document, scope.records.default_attributes(queued.customer_id))
    explanation = conditions.explain(compiled.condition, tested)
    until = _cooling_until(compiled, queued, now=now)
    action, problem = _preview(compiled, queued, document, scope)
    decision, reason = _decide(trigger, compiled, queued, tested, explanation, until, problem)
    return DryRun(
        would_fire=decision == Verdict.FIRED,
        decision=decision,
        reason=reason,
        explanation=explanation,
        cooldown_until=until,
        action=action,
    )


def meeting(condition: conditions.Condition, events: Sequence[NewEvent], *, now: datetime) -> NewEvent | None:
    """The first of `events` that meets `condition`; None where none does."""
    passes = conditions.compile(condition)
    queued = [_as_queued(event, now=now) for event in events]
    records = WorkingSet(now=now)
    reads = any(reads_customer(field) for field in conditions.fields_read(condition))
    if reads and records.default_schema_id is not None:
        customer_ids = {event.customer_id for event in queued if event.customer_id is not None}
        records.load(records.default_schema_id, customer_ids, lock=False)
    for event, as_queued in zip(events, queued, strict=True):
        document = condition_document(as_queued)
        if passes(with_customer(document, records.default_attributes(event.customer_id)) if reads else document):
            return event
    return None


def _decide(
    trigger: Trigger,
    compiled: CompiledTrigger,
    event: QueuedEvent,
    document: Mapping[str, Any],
    explanation: conditions.Explanation,
    until: datetime | None,
    problem: str,
) -> tuple[str, str]:
    """The decision and its reason, in the order in which the engine comes to them."""
    if event.event_type != trigger.event_type:
        return NOT_MATCHED, f"the trigger listens to {trigger.event_type}, the event is {event.event_type}"
    if trigger.status != Status.ACTIVE:
        return NOT_MATCHED, f"the trigger is {trigger.status}"
    if not explanation.passed:
        return Verdict.CONDITION_FALSE, reason_of(conditions.why_false(compiled.condition, document))
    if compiled.action.needs_customer and event.customer_id is None:
        return Verdict.MISSING_CUSTOMER, f"the event has no customerId, and {compiled.action.action_type} needs one"
    if event.depth >= MAX_DEPTH:
        return Verdict.LOOP_STOPPED, f"{event.depth} firings lie behind this event"
    if until is not None:
        return Verdict.COOLDOWN, "the trigger has fired for this customer within its cooldown"
    if problem:
        return Verdict.ACTION_FAILED, problem
    return Verdict.FIRED, ""


def _cooling_until(trigger: CompiledTrigger, event: QueuedEvent, *, now: datetime) -> datetime | None:
    if trigger.cooldown_ms == 0 or event.customer_id is None or not trigger.id:
        return None
    wish = cooldown.Claim(trigger.id, trigger.cooldown_ms, event.customer_id, event.event_id)
    answer = cooldown.peek(wish, lane=event.lane, now=now)
    return answer.until if isinstance(answer, cooldown.CoolingDown) else None


def _preview(
    trigger: CompiledTrigger, event: QueuedEvent, document: Mapping[str, Any], scope: Scope
) -> tuple[Mapping[str, Any] | None, str]:
    if trigger.action.needs_customer and event.customer_id is None:
        return None, ""
    work = Work(
        firing_id=derived_id("fir_", event.event_id, trigger.id),
        trigger_id=trigger.id,
        trigger_name=trigger.name,
        event=event,
        event_document=template_document(document),
        prepared=trigger.prepared,
        needs=trigger.needs,
        fired_at=scope.now,
    )
    try:
        return {"type": trigger.action.action_type, **trigger.action.preview(work, scope)}, ""
    except ActionFailed as error:
        return None, str(error)


def _as_queued(event: NewEvent, *, now: datetime) -> QueuedEvent:
    event_id = event.event_id or time_ordered_id("evt_")
    return QueuedEvent(
        sequence=0,
        event_id=event_id,
        event_type=event.event_type,
        customer_id=event.customer_id,
        occurred_at=event.occurred_at or now,
        received_at=now,
        properties=event.properties,
        cause=event.cause,
        depth=event.depth,
        lane=lane_of(customer_id=event.customer_id, event_id=event_id),
        attempts=0,
        is_retry=False,
    )
