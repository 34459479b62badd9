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
    """An active trigger, ready to be asked. `customer_fields` are what its condition reads of the customer's record."""

    id: str
    name: str
    version: int
    event_type: str
    priority: int
    cooldown_ms: int
    condition: conditions.Condition
    entry: conditions.Entry
    customer_fields: frozenset[str]
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
        entry=conditions.Entry.of(condition),
        customer_fields=frozenset(filter(reads_customer, conditions.fields_read(condition))),
        action=action,
        prepared=prepared,
        needs=action.needs(prepared),
    )


def reads_customer(field: str) -> bool:
    """Whether a condition's field reads the customer's record."""
    return field == "customer" or field.startswith("customer.")


@dataclass(frozen=True, slots=True)
class Listeners:
    """The active triggers of one event type, highest priority first, ties by id.

    `customer_fields` are those that their conditions read, `needs` what their actions do.
    """

    triggers: tuple[CompiledTrigger, ...]
    customer_fields: frozenset[str]
    needs: frozenset[Needs]
    index: conditions.Index

    @classmethod
    def of(cls, triggers: tuple[CompiledTrigger, ...], *, before: "Listeners | None") -> "Listeners":
        """The listeners, from triggers in their order; quickly where most of them are among those of `before`."""
        return cls(
            triggers=triggers,
            customer_fields=frozenset().union(*(one.customer_fields for one in triggers)),
            needs=frozenset(one.needs for one in triggers),
            index=conditions.Index([one.entry for one in triggers], before.index if before else None),
        )

    @property
    def read_customer(self) -> bool:
        """Whether conditions or actions read the customer's record."""
        return bool(self.customer_fields) or any(needs.reads_customer for needs in self.needs)

    def may_write(self, schema_id: str) -> bool:
        """Whether an action may change records of the schema."""
        return any(needs.may_write(schema_id) for needs in self.needs)

    def seen(self, attributes: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        """Of a customer's record, what the conditions read."""
        if attributes is None or "customer" in self.customer_fields:
            return attributes
        names = {field.split(".")[1] for field in self.customer_fields}
        return {name: attributes[name] for name in sorted(names) if name in attributes}


@dataclass(frozen=True, slots=True)
class State:
    """All active triggers by event type, as they were in the state of the catalogue with that number."""

    number: int
    listeners: Mapping[str, Listeners]
