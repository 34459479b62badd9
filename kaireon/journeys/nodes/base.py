"""What every type of node provides, and what it is given."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar

from kaireon import conditions
from kaireon.core.errors import Detail, ValidationFailed
from kaireon.core.rest import StrictSerializer
from kaireon.customers.working_set import WorkingSet
from kaireon.journeys.traveller import Traveller

PreparedT = TypeVar("PreparedT")

TEMPLATE_ROOTS = frozenset({"event", "customer", "recommendation", "journey", "enrollment"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What the enrolments of a batch share."""

    now: datetime
    records: WorkingSet


@dataclass(frozen=True, slots=True)
class Step(Generic[PreparedT]):
    """One enrolment at one node. The node says where it goes on: `when` matters behind a condition_split alone."""

    traveller: Traveller
    journey_name: str
    prepared: PreparedT

    def document(self, scope: Scope) -> dict[str, Any]:
        """What conditions between the entry and the exits read, and templates as well."""
        traveller = self.traveller
        return {
            "customer": scope.records.default_attributes(traveller.customer_id) or {},
            "event": traveller.event,
            "recommendation": traveller.recommendation or {},
        }


@dataclass(slots=True, kw_only=True)
class Walk:
    """A walk that only looks: what is known of an imagined customer. `event` is a document as templates see it."""

    attributes: dict[str, Any]
    default_schema_id: str | None
    event: Mapping[str, Any] = field(default_factory=dict)
    is_event_given: bool = False
    now: datetime

    def document(self) -> dict[str, Any]:
        """As `Step.document`; there is no recommendation, since no flow is asked."""
        return {"customer": self.attributes, "event": self.event, "recommendation": {}}


@dataclass(frozen=True, slots=True)
class Seen:
    """What a walk sees at a node. `ends` is the reason with which the journey ends here."""

    result: str
    when: bool | None = None
    ends: str | None = None


class NodeType(ABC, Generic[PreparedT]):
    """One type of node. Stateless. `PreparedT` is its config, parsed once."""

    node_type: ClassVar[str]
    label: ClassVar[str]
    config: ClassVar[type[StrictSerializer]]
    """The shape of `config`."""

    @abstractmethod
    def check(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The config as it is stored. Raises ValidationFailed, or DRF's ValidationError, with paths into it.

        Called when a journey is saved: conditions and templates must parse, what is referred to must exist.
        """

    @abstractmethod
    def prepare(self, config: Mapping[str, Any]) -> PreparedT:
        """Parses a config that `check` has passed."""

    def reads_customer(self, prepared: PreparedT) -> bool:
        """Whether it reads records of the default schema, so that those of a batch are loaded at once."""
        return False

    @abstractmethod
    def run(self, steps: Sequence[Step[PreparedT]], scope: Scope) -> list[bool | None]:
        """Does what the node does for all `steps` at once; one answer each, which is the `when` of the edge to take.

        What can't be done is noted in the history, and the enrolment goes on; an exception is a bug. A node that makes
        its travellers wait or end leaves them so, and the answer is not looked at.
        """

    @abstractmethod
    def look(self, prepared: PreparedT, walk: Walk) -> Seen:
        """What `run` would do, in a sentence; does nothing but lay changed attributes into the walk."""


def parsed_condition(raw: Mapping[str, Any], *, field_name: str, roots: Iterable[str] | None = None) -> dict[str, Any]:
    """A condition as it is stored. Raises ValidationFailed with paths below `field_name`.

    With `roots`, each field must begin with one of them: anything else could only ever be missing.
    """
    try:
        condition = conditions.parse(raw)
    except conditions.ConditionError as error:
        problems = [Detail(problem.path, problem.message) for problem in error.problems]
        raise ValidationFailed.of(problems).under(field_name) from None
    if roots is not None:
        known = tuple(roots)
        for name in sorted(conditions.fields_read(condition)):
            if name.partition(".")[0] not in known:
                choice = ", ".join(f"{root}.…" for root in known)
                raise ValidationFailed.at(field_name, f"reads {name!r}, but can only read {choice}.")
    stored: dict[str, Any] = conditions.to_json(condition)
    return stored


def reads_customer(condition: conditions.Condition) -> bool:
    """Whether a condition reads the customer's record."""
    return any(name == "customer" or name.startswith("customer.") for name in conditions.fields_read(condition))


def why(condition: conditions.Condition, document: Mapping[str, Any]) -> str:
    """Why a condition does not hold, in words; empty where it holds."""
    leaf = conditions.why_false(condition, document)
    if leaf is None:
        return ""
    return leaf.reason if leaf.reason.startswith(leaf.field) else f"{leaf.field}: {leaf.reason}"
