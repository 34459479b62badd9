"""One task an event, in two modes. Everything commits by itself, statement by statement."""

from collections.abc import Mapping
from typing import Any

from celery import shared_task

from audit.models import Entry
from kaireon import conditions
from kaireon.core import clock
from kaireon.core.ids import derived_id
from kaireon.core.redis import redis_client
from kaireon.customers.models import Record
from kaireon.events.lanes import lane_of
from kaireon.events.models import Event
from tests.benchmarks.straightforward.models import SmallFiring
from triggers.models import Firing, Status, Trigger

MINIMAL, SAME_WORK = "straightforward.minimal", "straightforward.same_work"

_compiled: dict[tuple[str, int], conditions.Predicate] = {}


def _listening(event_type: str) -> list[Trigger]:
    return list(Trigger.objects.filter(status=Status.ACTIVE, event_type=event_type).order_by("-priority", "id"))


def _passes(trigger: Trigger, document: Mapping[str, Any]) -> bool:
    key = trigger.pk, trigger.version
    if key not in _compiled:
        _compiled[key] = conditions.compile(conditions.parse(trigger.condition))
    return _compiled[key](document)


def _claim(trigger: Trigger, customer_id: str) -> bool:
    key = f"straightforward:{trigger.pk}:{customer_id}"
    return not trigger.cooldown_ms or bool(redis_client().set(key, 1, nx=True, px=trigger.cooldown_ms))


@shared_task(name=MINIMAL)
def minimal(*, event_id: str, event_type: str, customer_id: str, properties: dict[str, Any]) -> None:
    """A firing is one row, and that is all that is left of the event."""
    document = {**properties, "eventType": event_type, "eventId": event_id, "customerId": customer_id}
    for trigger in _listening(event_type):
        if _passes(trigger, document) and _claim(trigger, customer_id):
            SmallFiring.objects.create(
                trigger_id=trigger.pk, event_id=event_id, customer_id=customer_id, fired_at=clock.now()
            )


@shared_task(name=SAME_WORK)
def same_work(*, event_id: str, event_type: str, customer_id: str, properties: dict[str, Any]) -> None:
    """A firing as the product stores it, with its attribute and its entry in the audit log; the ledger on the event."""
    document = {**properties, "eventType": event_type, "eventId": event_id, "customerId": customer_id}
    ledger = []
    for trigger in _listening(event_type):
        line = {"triggerId": trigger.pk, "version": trigger.version}
        if not _passes(trigger, document):
            ledger.append(line | {"decision": "condition_false"})
        elif not _claim(trigger, customer_id):
            ledger.append(line | {"decision": "cooldown"})
        else:
            firing_id = _fire(
                trigger, event_id=event_id, event_type=event_type, customer_id=customer_id, document=document
            )
            ledger.append(line | {"decision": "fired", "firingId": firing_id})
    Event.objects.filter(event_id=event_id).update(decisions=ledger, processed_at=clock.now())


def _fire(trigger: Trigger, *, event_id: str, event_type: str, customer_id: str, document: dict[str, Any]) -> str:
    now = clock.now()
    firing_id = derived_id("fir_", event_id, trigger.pk)
    record = Record.objects.get(schema_id=trigger.action_config["schemaId"], customer_id=customer_id)
    before = record.attributes.get("last_amount")
    record.attributes["last_amount"] = document["metadata"]["amount"]
    record.updated_at = now
    record.save(update_fields=["attributes", "updated_at"])
    detail = {"changed": {"last_amount": {"before": before, "after": record.attributes["last_amount"]}}}
    Firing.objects.create(
        id=firing_id,
        trigger_id=trigger.pk,
        trigger_version=trigger.version,
        event_id=event_id,
        event_type=event_type,
        customer_id=customer_id,
        lane=lane_of(customer_id=customer_id, event_id=event_id),
        action_type=trigger.action_type,
        outcome="succeeded",
        detail=detail,
        fired_at=now,
        duration_ms=0,
    )
    Entry.objects.create(
        at=now,
        action="trigger.fired",
        actor="system",
        subject=firing_id,
        trigger_id=trigger.pk,
        customer_id=customer_id,
        event_type=event_type,
        event_id=event_id,
        action_taken=trigger.action_type,
        outcome="succeeded",
        facts={"triggerVersion": trigger.version, "detail": detail},
    )
    return firing_id
