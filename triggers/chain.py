"""What led to what: the whole chain that an event or a firing belongs to, read from any of its members.

Up, each member names the one thing behind it: an event its firing or enrolment, a firing its event. Down, the members
that name it are looked for level by level, one query for each kind of thing and level.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from django.db.models import Model, Q

from kaireon.core.errors import NotFound
from kaireon.decisioning.models import InboxMessage, Recommendation
from kaireon.delivery.models import Delivery
from kaireon.events.models import Event
from kaireon.journeys.models import Enrolment
from triggers.models import Firing

MAX_NODES = 500
MAX_STEPS_UP = 100

EVENT, FIRING, ENROLMENT = "event", "firing", "enrolment"
_ALWAYS = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A member. `depth` says how many firings and enrolments lie behind it.

    Of a cause that is not stored here any more there are `type` and `id` alone.
    """

    type: str
    id: str
    parent: str | None = None
    depth: int | None = None
    at: datetime | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from all others: an event may have been given any id."""
        return self.type, self.id


@dataclass(frozen=True, slots=True)
class Chain:
    """The nodes, those nearest to the root first; `truncated` where there are more than 500."""

    root: Node
    nodes: Sequence[Node]
    truncated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """Where nodes of a type are stored: `link` is the column that names what is behind them, empty for nothing."""

    model: type[Model]
    type: str
    link: str
    behind: frozenset[str]
    at: str
    facts: Mapping[str, str]
    id: str = "id"
    depth: str = ""

    def find(self, condition: Q, *, limit: int) -> list[Node]:
        """At most `limit` nodes, the oldest first."""
        columns = [self.id, self.link, self.at, *([self.depth] if self.depth else [])]
        rows = self.model._default_manager.filter(condition).order_by(self.at, self.id)
        return [
            Node(
                type=self.type,
                id=row[self.id],
                parent=row[self.link] or None,
                depth=row[self.depth] if self.depth else None,
                at=row[self.at],
                facts={name: row[column] for name, column in self.facts.items()},
            )
            for row in rows.values(*columns, *self.facts.values())[:limit]
        ]

    def caused_by(self, ids: Sequence[str]) -> Q:
        """Those behind which one of `ids` is. The second half lets PostgreSQL use an index that has no others."""
        return Q(**{f"{self.link}__in": ids}) & ~Q(**{self.link: ""})


_KINDS = {
    kind.type: kind
    for kind in (
        _Kind(
            type=EVENT,
            model=Event,
            id="event_id",
            link="cause",
            behind=frozenset({EVENT, FIRING, ENROLMENT}),
            at="received_at",
            depth="depth",
            facts={"eventType": "event_type", "customerId": "customer_id", "status": "status"},
        ),
        _Kind(
            type=FIRING,
            model=Firing,
            link="event_id",
            behind=frozenset({EVENT}),
            at="fired_at",
            facts={
                "triggerId": "trigger_id",
                "actionType": "action_type",
                "outcome": "outcome",
                "customerId": "customer_id",
            },
        ),
        _Kind(
            type=ENROLMENT,
            model=Enrolment,
            link="cause",
            behind=frozenset({EVENT, FIRING}),
            at="started_at",
            depth="depth",
            facts={"journeyId": "journey_id", "customerId": "customer_id", "status": "status"},
        ),
        _Kind(
            type="recommendation",
            model=Recommendation,
            link="cause",
            behind=frozenset({FIRING, ENROLMENT}),
            at="created_at",
            facts={"decisionFlowId": "flow_id", "customerId": "customer_id"},
        ),
        _Kind(
            type="delivery",
            model=Delivery,
            link="firing_id",
            behind=frozenset({FIRING}),
            at="created_at",
            facts={"customerId": "customer_id", "status": "status"},
        ),
        _Kind(
            type="message",
            model=InboxMessage,
            link="cause",
            behind=frozenset({FIRING}),
            at="created_at",
            facts={"channelId": "channel_id", "customerId": "customer_id"},
        ),
    )
}

NODE_TYPES = tuple(_KINDS)


def chain_of_event(event_id: str) -> Chain:
    """The chain that the event belongs to. Raises NotFound."""
    event = _one(EVENT, event_id)
    if event is None:
        raise NotFound(f"There is no event {event_id!r}.")
    return _chain(event)


def chain_of_firing(firing_id: str) -> Chain:
    """The chain that the firing belongs to. Raises NotFound."""
    firing = _one(FIRING, firing_id)
    if firing is None:
        raise NotFound(f"There is no firing {firing_id!r}.")
    return _chain(firing)


def _chain(member: Node) -> Chain:
    """The way from the root to the member is always there, however wide the chain is."""
    way = _way_from_root(member)
    levels = {node.key: level for level, node in enumerate(way)}
    found = {node.key: node for node in way}
    truncated = False
    frontier: list[Node] = way[:1]
    level = 0
    while frontier and not truncated:
        level += 1
        parents = {node.id: node for node in frontier}
        frontier = []
        for child in _children(parents.values(), limit=MAX_NODES + 1):
            if levels.get(child.key, level) != level:  # named by two, which ids that people chose can bring about
                continue
            if child.key not in found:
                if len(found) == MAX_NODES:
                    truncated = True
                    break
                found[child.key] = _below(child, parents[child.parent or ""])
                levels[child.key] = level
            frontier.append(found[child.key])
    nodes = sorted(found.values(), key=lambda node: (levels[node.key], node.at or _ALWAYS, node.type, node.id))
    return Chain(way[0], nodes, truncated)


def _way_from_root(member: Node) -> list[Node]:
    way = [member]
    seen = {member.key}
    while len(way) < MAX_STEPS_UP and way[-1].parent is not None:
        cause_id = way[-1].parent
        kind = EVENT if way[-1].type == FIRING else _type_of_cause(cause_id)
        cause = _one(kind, cause_id) or Node(type=kind, id=cause_id)
        if cause.key in seen:
            break
        seen.add(cause.key)
        way.append(cause)
    root, *rest = reversed(way)
    whole = [_below(root, None)]
    for node in rest:
        whole.append(_below(node, whole[-1]))
    return whole


def _type_of_cause(cause_id: str) -> str:
    """Our own ids say what they are; anything else can only be an event's."""
    return {"fir_": FIRING, "enr_": ENROLMENT}.get(cause_id[:4], EVENT)


def _one(kind: str, node_id: str) -> Node | None:
    found = _KINDS[kind].find(Q(**{_KINDS[kind].id: node_id}), limit=1)
    return found[0] if found else None


def _children(parents: Iterable[Node], *, limit: int) -> list[Node]:
    """All nodes behind which one of `parents` is; at most `limit` of each kind."""
    ids: dict[str, list[str]] = {}
    for parent in parents:
        ids.setdefault(parent.type, []).append(parent.id)
    found: list[Node] = []
    for kind in _KINDS.values():
        causes = [node_id for type_, of_type in ids.items() if type_ in kind.behind for node_id in of_type]
        if causes:
            found += kind.find(kind.caused_by(causes), limit=limit)
    found += _sent_by(ids.get(ENROLMENT, []), limit=limit)
    return sorted(found, key=lambda node: (node.at or _ALWAYS, node.type, node.id))


def _sent_by(enrolment_ids: Sequence[str], *, limit: int) -> list[Node]:
    """What enrolments have sent stands in their histories: each message has an id of its own for its receiver."""
    if not enrolment_ids:
        return []
    histories = Enrolment.objects.filter(pk__in=enrolment_ids).values_list("pk", "history")
    senders = {sent: pk for pk, history in histories for line in history for sent in line.get("ids", ())}
    found = [node for type_ in ("delivery", "message") for node in _KINDS[type_].find(Q(pk__in=senders), limit=limit)]
    return [replace(node, parent=senders[node.id]) for node in found]


def _below(node: Node, parent: Node | None) -> Node:
    """The node with its depth, where it does not say that by itself: a firing is as deep as its event."""
    depth = node.depth
    if depth is None and parent is not None and parent.depth is not None:
        depth = parent.depth + (node.type != FIRING)
    return Node(
        type=node.type,
        id=node.id,
        parent=None if parent is None else parent.id,
        depth=depth,
        at=node.at,
        facts=node.facts,
    )
