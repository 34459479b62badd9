"""Creating, changing and deleting triggers: the change, its audit entry and its effects in one transaction."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from redis import RedisError

from audit.log import NewEntry, changes, record
from audit.models import Entry
from kaireon.core import clock
from kaireon.core.errors import Conflict, InvalidTransition, NotFound, ServiceUnavailable, ValidationFailed
from kaireon.core.ids import slug_id
from kaireon.delivery import gates
from triggers.actions.base import SOURCE
from triggers.definition import JSON_NAMES
from triggers.engine import cooldown
from triggers.models import Listener, Status, Trigger

ID_PREFIX = "trg_"
ALLOWED_TRANSITIONS: Mapping[str, frozenset[str]] = {
    Status.ACTIVE: frozenset({Status.PAUSED, Status.DISABLED}),
    Status.PAUSED: frozenset({Status.ACTIVE, Status.DISABLED}),
    Status.DISABLED: frozenset({Status.ACTIVE}),
}
# Holds the one row until the transaction ends, so that states follow each other.
_NEXT_STATE = """
    INSERT INTO triggers_catalogue (id, token, state) VALUES (1, gen_random_uuid(), 1)
    ON CONFLICT (id) DO UPDATE SET token = gen_random_uuid(), state = triggers_catalogue.state + 1
    RETURNING state
"""
_AUDITED = (
    "name",
    "description",
    "event_type",
    "condition",
    "action_type",
    "action_config",
    "priority",
    "cooldown_ms",
    "status",
)


def check_transition(before: str, after: str) -> None:
    """Staying is fine; other moves must be among those allowed. Raises InvalidTransition."""
    if after != before and after not in ALLOWED_TRANSITIONS[before]:
        allowed = " or ".join(sorted(ALLOWED_TRANSITIONS[before]))
        raise InvalidTransition(f"A trigger that is {before} can only become {allowed}, not {after}.")


def find_trigger(trigger_id: str) -> Trigger:
    """The trigger with that id. Raises NotFound."""
    trigger = Trigger.objects.filter(pk=trigger_id).first()
    if trigger is None:
        raise NotFound(f"There is no trigger {trigger_id!r}.")
    return trigger


@transaction.atomic
def create_trigger(*, values: Mapping[str, Any], now: datetime) -> Trigger:
    """A new trigger from values that `read_definition` has checked. Raises Conflict where its id is taken."""
    # First of all, since it locks: nobody else takes the id between the look and the insert.
    state = _next_state()
    trigger_id = values.get("id") or slug_id(ID_PREFIX, values["name"], taken=_is_taken)
    if Trigger.objects.filter(pk=trigger_id).exists():
        raise Conflict(f"There is a trigger {trigger_id!r} already; choose another id, or change that one.")
    fields = {name: value for name, value in values.items() if name not in {"id", "version"}}
    trigger = Trigger(id=trigger_id, created_at=now, updated_at=now, **fields)
    trigger.save(force_insert=True)
    _listen(trigger, state=state)
    record(_entry("trigger.created", trigger, {"trigger": _facts(trigger)}))
    return trigger


@transaction.atomic
def update_trigger(*, trigger_id: str, values: Mapping[str, Any], now: datetime) -> Trigger:
    """Changes the fields in `values`, which `read_definition` has checked. Without a change nothing is written.

    Raises NotFound, InvalidTransition, and Conflict where `version` is given and another one was saved meanwhile;
    ServiceUnavailable where a cooldown can't be begun, as Redis is away.
    """
    trigger = Trigger.objects.select_for_update().filter(pk=trigger_id).first()
    if trigger is None:
        raise NotFound(f"There is no trigger {trigger_id!r}.")
    values = dict(values)
    if values.pop("id", trigger.pk) != trigger.pk:
        raise ValidationFailed.at("id", "can't be changed; make a new trigger instead.")
    if (version := values.pop("version", trigger.version)) != trigger.version:
        raise Conflict(
            f"Version {version} was changed meanwhile; the trigger has version {trigger.version}. Read it again."
        )
    before, had_cooldown = _facts(trigger), trigger.cooldown_ms > 0
    check_transition(trigger.status, values.get("status", trigger.status))
    for name, value in values.items():
        setattr(trigger, name, value)
    changed = changes(before, _facts(trigger))
    if not changed:
        return trigger
    trigger.version += 1
    trigger.updated_at = now
    trigger.save(update_fields=[*values, "version", "updated_at"])
    if trigger.cooldown_ms and not had_cooldown:
        _rebuild_claims(trigger)
    _record_change(trigger, changed)
    if "status" in changed:
        _apply_status(trigger, now=now)
    state = _next_state()
    _stop_listening(trigger.pk, state=state, now=now)
    _listen(trigger, state=state)
    return trigger


def _rebuild_claims(trigger: Trigger) -> None:
    try:
        cooldown.forget(trigger.pk)
    except RedisError:
        raise ServiceUnavailable(
            "Redis, which keeps cooldowns, can't be reached, so the trigger can't be given one. Send it again later."
        ) from None


@transaction.atomic
def delete_trigger(*, trigger_id: str) -> None:
    """Deletes it and cancels what it had queued; its firings and audit entries stay. Raises NotFound."""
    trigger = Trigger.objects.select_for_update().filter(pk=trigger_id).first()
    if trigger is None:
        raise NotFound(f"There is no trigger {trigger_id!r}.")
    record(_entry("trigger.deleted", trigger, {"trigger": _facts(trigger)}))
    gates.cancel(source=SOURCE, source_id=trigger.pk, reason="The trigger was deleted before this was sent.")
    _stop_listening(trigger.pk, state=_next_state(), now=clock.now())
    trigger.delete()


def _record_change(trigger: Trigger, changed: Mapping[str, Any]) -> None:
    """A change of status is an entry of its own; the rest of the change is another one."""
    if "status" in changed:
        record(
            _entry(
                "trigger.status_changed",
                trigger,
                {"version": trigger.version, "changes": {"status": changed["status"]}},
            )
        )
    rest = {name: change for name, change in changed.items() if name != "status"}
    if rest:
        record(_entry("trigger.updated", trigger, {"version": trigger.version, "changes": rest}))


def _apply_status(trigger: Trigger, *, now: datetime) -> None:
    """What the trigger had queued: sent on when it is active again, cancelled when it is disabled."""
    if trigger.status == Status.ACTIVE:
        gates.release(source=SOURCE, source_id=trigger.pk, now=now)
    elif trigger.status == Status.DISABLED:
        gates.cancel(source=SOURCE, source_id=trigger.pk, reason="The trigger was disabled before this was sent.")


def _next_state() -> int:
    """Makes workers compile again, from the next batch on."""
    with connection.cursor() as cursor:
        cursor.execute(_NEXT_STATE)
        return int(cursor.fetchone()[0])


def _listen(trigger: Trigger, *, state: int) -> None:
    """Notes that from `state` on the trigger as it is now is asked, if it is active."""
    if trigger.status == Status.ACTIVE:
        Listener.objects.create(
            trigger_id=trigger.pk,
            version=trigger.version,
            event_type=trigger.event_type,
            priority=trigger.priority,
            condition=trigger.condition,
            since=state,
        )


def _stop_listening(trigger_id: str, *, state: int, now: datetime) -> None:
    Listener.objects.filter(trigger_id=trigger_id, until=None).update(until=state, ended_at=now)


def _is_taken(trigger_id: str) -> bool:
    """A deleted trigger's id is not given out again: its history would look like the new one's."""
    return Trigger.objects.filter(pk=trigger_id).exists() or Entry.objects.filter(trigger_id=trigger_id).exists()


def _facts(trigger: Trigger) -> dict[str, Any]:
    return {JSON_NAMES[name]: getattr(trigger, name) for name in _AUDITED}


def _entry(action: str, trigger: Trigger, facts: Mapping[str, Any]) -> NewEntry:
    return NewEntry(
        action=action, subject=trigger.pk, trigger_id=trigger.pk, event_type=trigger.event_type, facts=facts
    )
