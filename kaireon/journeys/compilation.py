"""Journeys as the machinery uses them: parsed once for each version, brought up to date once a batch."""

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from kaireon.core import tokens
from kaireon.journeys.models import Journey, JourneyStatus
from kaireon.journeys.nodes import NODE_TYPES
from kaireon.journeys.nodes.base import NodeType
from kaireon.journeys.nodes.entry_trigger import Entry
from kaireon.journeys.nodes.wait import Waiting

logger = logging.getLogger(__name__)

_NEVER_LOADED = object()
_TABLE = "journeys_catalogue"
# The moment as well, since a deleted journey's id may be given to a new one, and that begins with version 1.
_Key = tuple[str, int, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledNode:
    """A node with its config parsed; `ways` leads on, by the answer of the node (None but behind a split)."""

    id: str
    type: NodeType[Any]
    prepared: Any
    ways: Mapping[bool | None, str]
    reads_customer: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledJourney:
    """A journey that customers can be in."""

    id: str
    name: str
    version: int
    status: str
    max_duration: timedelta
    nodes: Mapping[str, CompiledNode]
    entry_id: str
    entry: Entry
    waits_for: frozenset[str]
    reads_customer: bool

    @property
    def is_active(self) -> bool:
        """Whether customers come in and move on."""
        return self.status == JourneyStatus.ACTIVE

    @property
    def entry_reads_customer(self) -> bool:
        """Whether the entry's condition reads the customer's record."""
        return self.nodes[self.entry_id].reads_customer

    def waiting_at(self, node_id: str) -> Waiting | None:
        """The wait of that id; None where there is none by now."""
        node = self.nodes.get(node_id)
        return node.prepared if node is not None and isinstance(node.prepared, Waiting) else None


@dataclass(frozen=True, slots=True)
class Journeys:
    """The active and the paused journeys, and what they listen to. Paused ones note events that end a wait."""

    by_id: Mapping[str, CompiledJourney] = field(default_factory=dict)
    entries: Mapping[str, Sequence[CompiledJourney]] = field(default_factory=dict)
    """The active journeys by the types of the events that may enrol customers, by id."""
    waited_for: frozenset[str] = frozenset()
    """The types of the events that may end a wait."""

    @classmethod
    def of(cls, compiled: Sequence[CompiledJourney]) -> "Journeys":
        """All of them, indexed."""
        entries: dict[str, list[CompiledJourney]] = {}
        for journey in compiled:
            for event_type in journey.entry.event_types if journey.is_active else ():
                entries.setdefault(event_type, []).append(journey)
        return cls(
            by_id={journey.id: journey for journey in compiled},
            entries=entries,
            waited_for=frozenset().union(*(journey.waits_for for journey in compiled)),
        )


def compile_journey(journey: Journey) -> CompiledJourney:
    """`journey`, which may be unsaved, as it is used. What was checked on save can't fail here."""
    ways: dict[str, dict[bool | None, str]] = {}
    for edge in journey.definition["edges"]:
        ways.setdefault(edge["from"], {})[edge.get("when")] = edge["to"]
    nodes = {raw["id"]: _compile_node(raw, ways.get(raw["id"], {})) for raw in journey.definition["nodes"]}
    entry = next(node for node in nodes.values() if isinstance(node.prepared, Entry))
    waits = [node.prepared for node in nodes.values() if isinstance(node.prepared, Waiting)]
    return CompiledJourney(
        id=journey.pk,
        name=journey.name,
        version=journey.version,
        status=journey.status,
        max_duration=timedelta(days=journey.max_duration_days),
        nodes=nodes,
        entry_id=entry.id,
        entry=entry.prepared,
        waits_for=frozenset(wait.event_type for wait in waits if wait.event_type),
        reads_customer=any(node.reads_customer for node in nodes.values()),
    )


def _compile_node(raw: Mapping[str, Any], ways: Mapping[bool | None, str]) -> CompiledNode:
    node_type = NODE_TYPES[raw["type"]]
    prepared = node_type.prepare(raw["config"])
    return CompiledNode(
        id=raw["id"],
        type=node_type,
        prepared=prepared,
        ways=ways,
        reads_customer=node_type.reads_customer(prepared),
    )


class CompiledCatalogue:
    """Compiles again what changed since the last look, and only that."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._token: Any = _NEVER_LOADED
        self._journeys = Journeys()
        self._compiled: dict[_Key, CompiledJourney] = {}

    def current(self) -> Journeys:
        """The journeys as they are now; within a batch as they were at its look (`tokens`). One query at most, where
        nothing was changed.
        """
        token = tokens.token(_TABLE)
        with self._lock:
            if token != self._token:
                self._load()
                self._token = token
            return self._journeys

    def _load(self) -> None:
        wanted = Journey.objects.filter(status__in=(JourneyStatus.ACTIVE, JourneyStatus.PAUSED)).order_by("id")
        keys = list(wanted.values_list("id", "version", "updated_at"))
        missing = [key[0] for key in keys if key not in self._compiled]
        fresh = {journey.pk: journey for journey in Journey.objects.filter(pk__in=missing)}
        compiled: dict[_Key, CompiledJourney] = {}
        for key in keys:
            found = self._compiled.get(key) or _compiled(fresh.get(key[0]))
            if found is not None:
                compiled[key] = found
        self._compiled = compiled
        self._journeys = Journeys.of(list(compiled.values()))


def _compiled(journey: Journey | None) -> CompiledJourney | None:
    if journey is None:  # deleted meanwhile; the token has changed again, and the next batch looks again
        return None
    try:
        return compile_journey(journey)
    except Exception:
        # Only a row that was changed past every check, say by hand in SQL; the other journeys must go on.
        logger.exception("A journey can't be compiled and stands still", extra={"journey_id": journey.pk})
        return None


tokens.register(_TABLE)
catalogue = CompiledCatalogue()
