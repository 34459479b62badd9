"""What every type of action provides, and what it is given."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar

from msgspec import Struct, field

from kaireon.core.rest import StrictSerializer
from kaireon.customers.working_set import WorkingSet
from kaireon.events.consumers import QueuedEvent
from triggers.models import Outcome

TEMPLATE_ROOTS = frozenset({"event", "trigger", "customer", "firing"})
SOURCE = "trigger"
"""The source of what actions enqueue, so that the gate of triggers is asked before anything is sent: paused holds it,
disabled or deleted cancels it."""

PreparedT = TypeVar("PreparedT")


@dataclass(frozen=True, slots=True)
class Needs:
    """What carrying out a prepared action reads and writes, so that the engine can load and order it."""

    reads_customer: bool = False
    writes_schema: str | None = None
    may_write_any_schema: bool = False

    def may_write(self, schema_id: str | None) -> bool:
        """Whether records of that schema may change; without one, whether any record may."""
        if schema_id is None:
            return self.may_write_any_schema or self.writes_schema is not None
        return self.may_write_any_schema or self.writes_schema == schema_id


class Work(Struct, Generic[PreparedT], frozen=True, kw_only=True):
    """One firing that is to be carried out. `event_document` is what templates call `event`."""

    firing_id: str
    trigger_id: str
    trigger_name: str
    event: QueuedEvent
    event_document: Mapping[str, Any]
    prepared: PreparedT
    needs: Needs
    fired_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What the firings of a batch share."""

    now: datetime
    records: WorkingSet

    def template_context(self, work: Work[Any]) -> dict[str, Any]:
        """What templates of `work` can read; the customer's record as earlier firings of the batch left it.

        The record is there for works that need it alone: nobody has loaded those of the others.
        """
        customer = self.records.default_attributes(work.event.customer_id) if work.needs.reads_customer else None
        return {
            "event": work.event_document,
            "trigger": {"id": work.trigger_id, "name": work.trigger_name},
            "firing": {"id": work.firing_id},
            "customer": customer or {},
        }


class Result(Struct, frozen=True):
    """What came of one firing's action. `error` is a sentence for the one who reads the firing."""

    outcome: Outcome
    detail: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""

    @classmethod
    def failed(cls, error: str) -> "Result":
        """The action could not be carried out."""
        return cls(Outcome.FAILED, error=error)


class Action(ABC, Generic[PreparedT]):
    """One type of action. Stateless; the registry holds one instance of each.

    `PreparedT` is the config as the type likes to keep it: parsed once, used for every firing.
    """

    action_type: ClassVar[str]
    label: ClassVar[str]
    needs_customer: ClassVar[bool]
    config: ClassVar[type[StrictSerializer]]
    """The shape of actionConfig, for the API and its OpenAPI description."""

    @abstractmethod
    def check(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The config as it is stored. Raises ValidationFailed, or DRF's ValidationError, with paths into it.

        Called when a trigger is saved: templates must parse, what is referred to must exist.
        """

    @abstractmethod
    def prepare(self, config: Mapping[str, Any]) -> PreparedT:
        """Parses a config that `check` has passed."""

    @abstractmethod
    def needs(self, prepared: PreparedT) -> Needs:
        """What carrying it out reads and writes."""

    @abstractmethod
    def execute(self, works: Sequence[Work[PreparedT]], scope: Scope) -> list[Result]:
        """Carries out all firings of a batch in their order, in the engine's transaction, and answers for each.

        What can't be done is a failed Result; an exception is a bug, and is recorded on the firing that raises it.
        """

    @abstractmethod
    def preview(self, work: Work[PreparedT], scope: Scope) -> Mapping[str, Any]:
        """What `execute` would do, secrets masked; changes nothing. Raises ActionFailed where it would fail."""


class ActionFailed(Exception):
    """The action can't be carried out for this event; the message says why."""
