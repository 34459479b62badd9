"""Triggers as the engine uses them: parsed and compiled once for each version."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kaireon import conditions
from triggers.actions.base import Action, Needs
from triggers.actions.registry import actions
from triggers.models import Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledTrigger:
    """An active trigger, ready to be asked."""

    id: str
    name: str
    version: int
    event_type: str
    priority: int
    cooldown_ms: int
    condition: conditions.Condition
    passes: conditions.Predicate
    condition_reads_customer: bool
    action: Action[Any]
    prepared: Any
    needs: Needs


def compile_trigger(trigger: Trigger) -> CompiledTrigger:
    """`trigger`, which may be unsaved, as the engine uses it. What was checked on save can't fail here."""
    condition = conditions.parse(trigger.condition)
    action = actions()[trigger.action_type]
    prepared = action.prepare(trigger.action_config)
    return CompiledTrigger(
        id=trigger.id,
        name=trigger.name,
        version=trigger.version,
        event_type=trigger.event_type,
        priority=trigger.priority,
        cooldown_ms=trigger.cooldown_ms,
        condition=condition,
        passes=conditions.compile(condition),
        condition_reads_customer=any(reads_customer(field) for field in conditions.fields_read(condition)),
        action=action,
        prepared=prepared,
        needs=action.needs(prepared),
    )


def reads_customer(field: str) -> bool:
    """Whether a condition's field reads the customer's record."""
    return field == "customer" or field.startswith("customer.")


Listening = Mapping[str, tuple[CompiledTrigger, ...]]
"""The active triggers of each event type, highest priority first, ties by id."""
