"""What led to what: the whole chain that an event or a firing belongs to, read from any of its members.

Up, each member names the one thing behind it: an event its firing or enrolment, a firing its event. Down, the members
that name it are found level by level. One query goes up, and one down.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from kaireon.core.errors import NotFound
from kaireon.core.json_values import decode

MAX_NODES = 500
MAX_STEPS_UP = 100
# Rows of the way down: a thing whose cause could be two others (by ids that people chose) comes twice.
_MAX_FOUND = 2 * MAX_NODES

EVENT, FIRING, ENROLMENT = "event", "firing", "enrolment"
RECOMMENDATION, DELIVERY, MESSAGE = "recommendation", "delivery", "message"
_ALWAYS = datetime.min.replace(tzinfo=UTC)

_Key = tuple[str, str]
"""Type and id: an event may have been given any id."""

# What is told of a member: its id, its moment, how many firings and enrolments lie behind it, and its facts.
_TOLD = {
    EVENT: """event_id::text AS id, received_at AS at, depth::int AS depth,
        jsonb_build_object('eventType', event_type, 'customerId', customer_id, 'status', status) AS facts""",
    FIRING: """id::text AS id, fired_at AS at, NULL::int AS depth,
        jsonb_build_object('triggerId', trigger_id, 'actionType', action_type, 'outcome', outcome,
                           'customerId', customer_id) AS facts""",
    ENROLMENT: """id::text AS id, started_at AS at, depth::int AS depth,
        jsonb_build_object('journeyId', journey_id, 'customerId', customer_id, 'status', status) AS facts""",
    RECOMMENDATION: """id::text AS id, created_at AS at, NULL::int AS depth,
        jsonb_build_object('decisionFlowId', flow_id, 'customerId', customer_id) AS facts""",
    DELIVERY: """id::text AS id, created_at AS at, NULL::int AS depth,
        jsonb_build_object('customerId', customer_id, 'status', status) AS facts""",
    MESSAGE: """id::text AS id, created_at AS at, NULL::int AS depth,
        jsonb_build_object('channelId', channel_id, 'customerId', customer_id) AS facts""",
}
NODE_TYPES = tuple(_TOLD)

# Behind a firing there is its event. Of other causes our own ids say what they are; anything else is an event's.
_UP = f"""
    WITH RECURSIVE way(type, cause, step, id, at, depth, facts) AS (
        (
            SELECT 'event'::text, cause::text, 0, {_TOLD[EVENT]}
            FROM events_event WHERE %(type)s = 'event' AND event_id = %(id)s
            UNION ALL
            SELECT 'firing', event_id::text, 0, {_TOLD[FIRING]}
            FROM triggers_firing WHERE %(type)s = 'firing' AND id = %(id)s
        )
        UNION ALL
        SELECT behind.type, behind.cause, way.step + 1, behind.id, behind.at, behind.depth, behind.facts
        FROM way
        CROSS JOIN LATERAL (
            SELECT CASE WHEN way.type = 'firing' THEN 'event'
                        WHEN left(way.cause, 4) = 'fir_' THEN 'firing'
                        WHEN left(way.cause, 4) = 'enr_' THEN 'enrolment'
                        ELSE 'event' END AS type
        ) wanted
        CROSS JOIN LATERAL (
            SELECT 'event' AS type, cause::text AS cause, {_TOLD[EVENT]}
            FROM events_event WHERE wanted.type = 'event' AND event_id = way.cause
            UNION ALL
            SELECT 'firing', event_id::text, {_TOLD[FIRING]}
            FROM triggers_firing WHERE wanted.type = 'firing' AND id = way.cause
            UNION ALL
            SELECT 'enrolment', cause::text, {_TOLD[ENROLMENT]}
            FROM journeys_enrolment WHERE wanted.type = 'enrolment' AND id = way.cause
        ) behind
        WHERE way.cause <> '' AND way.step < %(steps)s
    )
    SELECT type, id, at, depth, facts::text, cause FROM way ORDER BY step
"""
# Level by level, as WITH RECURSIVE goes, and no further than rows are asked for. What enrolments have sent stands in
# their histories: each message has an id of its own for its receiver.
_SENT_BY_ENROLMENT = """
    SELECT jsonb_path_query(history, '$[*].ids[*]') #>> '{}'
    FROM journeys_enrolment WHERE journeys_enrolment.id = tree.id
"""
_DOWN = f"""
    WITH RECURSIVE tree(parent_type, parent, level, type, id, at, depth, facts) AS (
        SELECT ''::text, ''::text, 0, %(type)s::text, %(id)s::text, NULL::timestamptz, NULL::int, NULL::jsonb
        UNION ALL
        SELECT tree.type, tree.id, tree.level + 1, child.type, child.id, child.at, child.depth, child.facts
        FROM tree
        CROSS JOIN LATERAL (
            SELECT 'event' AS type, {_TOLD[EVENT]} FROM events_event
            WHERE tree.type IN ('event', 'firing', 'enrolment') AND cause = tree.id AND cause <> ''
            UNION ALL
            SELECT 'firing', {_TOLD[FIRING]} FROM triggers_firing
            WHERE tree.type = 'event' AND event_id = tree.id
            UNION ALL
            SELECT 'enrolment', {_TOLD[ENROLMENT]} FROM journeys_enrolment
            WHERE tree.type IN ('event', 'firing') AND cause = tree.id AND cause <> ''
            UNION ALL
            SELECT 'recommendation', {_TOLD[RECOMMENDATION]} FROM decisioning_recommendation
            WHERE tree.type IN ('firing', 'enrolment') AND cause = tree.id AND cause <> ''
            UNION ALL
            SELECT 'delivery', {_TOLD[DELIVERY]} FROM delivery_delivery
            WHERE tree.type = 'firing' AND firing_id = tree.id
            UNION ALL
            SELECT 'message', {_TOLD[MESSAGE]} FROM decisioning_inboxmessage
            WHERE tree.type = 'firing' AND cause = tree.id AND cause <> ''
            UNION ALL
            SELECT 'delivery', {_TOLD[DELIVERY]} FROM delivery_delivery
            WHERE tree.type = 'enrolment' AND id = ANY(ARRAY({_SENT_BY_ENROLMENT}))
            UNION ALL
            SELECT 'message', {_TOLD[MESSAGE]} FROM decisioning_inboxmessage
            WHERE tree.type = 'enrolment' AND id = ANY(ARRAY({_SENT_BY_ENROLMENT}))
        ) child
    ) CYCLE type, id SET is_cycle USING steps
    SELECT type, id, at, depth, facts::text, parent_type, parent, level
    FROM tree WHERE NOT is_cycle AND level > 0 LIMIT %(most)s
"""


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
    def key(self) -> _Key:
        """What tells it from all others."""
        return self.type, self.id


@dataclass(frozen=True, slots=True)
class Chain:
    """The nodes, those nearest to the root first; `truncated` where there are more than 500."""

    root: Node
    nodes: Sequence[Node]
    truncated: bool


def chain_of_event(event_id: str) -> Chain:
    """The chain that the event belongs to. Raises NotFound."""
    way = _way_from_root((EVENT, event_id))
    if not way:
        raise NotFound(f"There is no event {event_id!r}.")
    return _chain(way)


def chain_of_firing(firing_id: str) -> Chain:
    """The chain that the firing belongs to. Raises NotFound."""
    way = _way_from_root((FIRING, firing_id))
    if not way:
        raise NotFound(f"There is no firing {firing_id!r}.")
    return _chain(way)


def _chain(way: Sequence[Node]) -> Chain:
    """The way from the root to the member is always there, however wide the chain is."""
    members: dict[_Key, Node] = {}
    levels: dict[_Key, int] = {}
    for level, node in enumerate(way):
        members[node.key] = _below(node, way[level - 1] if level else None, members)
        levels[node.key] = level
    found = _found_below(way[0])
    truncated = len(found) == _MAX_FOUND
    for node, parent, level in found:
        # Named by two, which ids that people chose can bring about: the first place counts.
        if node.key in members or parent not in members:
            continue
        if len(members) == MAX_NODES:
            truncated = True
            break
        members[node.key] = _below(node, members[parent], members)
        levels[node.key] = level
    whole = sorted(members.values(), key=lambda node: (levels[node.key], node.at or _ALWAYS, node.type, node.id))
    return Chain(members[way[0].key], whole, truncated)


def _way_from_root(member: _Key) -> list[Node]:
    """The root first, the member last; none where there is no such member.

    A root that is not stored here any more is named all the same.
    """
    with connection.cursor() as cursor:
        cursor.execute(_UP, {"type": member[0], "id": member[1], "steps": MAX_STEPS_UP})
        rows = cursor.fetchall()
    way: dict[_Key, Node] = {}
    for row in rows:
        node = _node(row)
        if node.key in way:
            return list(way.values())[::-1]
        way[node.key] = node
    if rows and len(rows) <= MAX_STEPS_UP and (cause := rows[-1][5]):
        gone = Node(type=EVENT if rows[-1][0] == FIRING else _type_of_cause(cause), id=cause)
        way[gone.key] = gone
    return list(way.values())[::-1]


def _type_of_cause(cause_id: str) -> str:
    """Our own ids say what they are; anything else can only be an event's."""
    return {"fir_": FIRING, "enr_": ENROLMENT}.get(cause_id[:4], EVENT)


def _found_below(root: Node) -> list[tuple[Node, _Key, int]]:
    """Member, key of what is behind it, and level; those nearest to the root first."""
    with connection.cursor() as cursor:
        cursor.execute(_DOWN, {"type": root.type, "id": root.id, "most": _MAX_FOUND})
        return [(_node(row), (row[5], row[6]), row[7]) for row in cursor.fetchall()]


def _node(row: Sequence[Any]) -> Node:
    type_, id_, at, depth, facts = row[:5]
    return Node(type=type_, id=id_, at=at, depth=depth, facts=decode(facts.encode()))


def _below(node: Node, parent: Node | None, members: Mapping[_Key, Node]) -> Node:
    """The node with its depth, where it does not say that by itself: a firing is as deep as its event."""
    if parent is None:
        return node
    depth, behind = node.depth, members[parent.key].depth
    if depth is None and behind is not None:
        depth = behind + (node.type != FIRING)
    return replace(node, parent=parent.id, depth=depth)
