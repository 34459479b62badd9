"""The rules of a journey's graph: pure, every problem with its path.

One entry; edges lead from node to node; every node can be reached and can come to an exit; only a condition_split has
two ways on, one for true and one for false; whoever goes round in circles comes through a wait.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kaireon.core.errors import Detail

ENTRY = "entry_trigger"
WAIT = "wait"
SPLIT = "condition_split"
EXIT = "exit"


@dataclass(frozen=True, slots=True)
class Node:
    """A node's place in the graph; what it does is not the graph's business."""

    id: str
    type: str


@dataclass(frozen=True, slots=True)
class Edge:
    """A way from one node to another; `when` is the answer of the condition_split that it stands behind."""

    source: str
    target: str
    when: bool | None = None


def problems(nodes: Sequence[Node], edges: Sequence[Edge]) -> list[Detail]:
    """All that is wrong, with paths such as `nodes[2]` and `edges[1].to`; empty where nothing is.

    What follows from a mistake that is told already is not told once more: ways through the graph are only looked at
    where ids and edges are right.
    """
    found = [*_ids(nodes), *_entries(nodes), *_ends_of_edges(nodes, edges)]
    if found:
        return found
    found = [*_ways_on(nodes, edges)]
    if found:
        return found
    return [*_unreachable(nodes, edges), *_circles(nodes, edges), *_endless(nodes, edges)]


def _ids(nodes: Sequence[Node]) -> Iterator[Detail]:
    first: dict[str, int] = {}
    for index, node in enumerate(nodes):
        if first.setdefault(node.id, index) != index:
            yield Detail(f"nodes[{index}].id", f"is the id of nodes[{first[node.id]}] already; ids are unique.")


def _entries(nodes: Sequence[Node]) -> Iterator[Detail]:
    entries = [index for index, node in enumerate(nodes) if node.type == ENTRY]
    if not entries:
        yield Detail("nodes", f"need one {ENTRY}; there is none.")
    for index in entries[1:]:
        yield Detail(f"nodes[{index}].type", f"is a second {ENTRY}, after nodes[{entries[0]}]; there can be only one.")


def _ends_of_edges(nodes: Sequence[Node], edges: Sequence[Edge]) -> Iterator[Detail]:
    known = {node.id for node in nodes}
    for index, edge in enumerate(edges):
        for end, node_id in (("from", edge.source), ("to", edge.target)):
            if node_id not in known:
                yield Detail(f"edges[{index}].{end}", f"{node_id!r} is no node's id.")


def _ways_on(nodes: Sequence[Node], edges: Sequence[Edge]) -> Iterator[Detail]:
    for index, node in enumerate(nodes):
        ways = [(number, edge) for number, edge in enumerate(edges) if edge.source == node.id]
        if node.type == SPLIT:
            yield from _ways_of_a_split(index, ways)
            continue
        for number, edge in ways:
            if edge.when is not None:
                yield Detail(f"edges[{number}].when", f"has a meaning only behind a {SPLIT}; leave it out.")
        if node.type == EXIT:
            for number, _ in ways:
                yield Detail(f"edges[{number}].from", f"{node.id} is an exit, and nothing comes after it.")
        elif not ways:
            yield Detail(f"nodes[{index}]", f"{node.id} has no edge to a next node; a path ends in an exit.")
        for number, _ in ways[1:] if node.type != EXIT else ():
            yield Detail(
                f"edges[{number}].from",
                f"{node.id} goes on by edges[{ways[0][0]}] already; only a {SPLIT} has two ways.",
            )


def _ways_of_a_split(index: int, ways: Sequence[tuple[int, Edge]]) -> Iterator[Detail]:
    taken: dict[bool, int] = {}
    for number, edge in ways:
        if edge.when is None:
            yield Detail(f"edges[{number}].when", f"must be true or false behind a {SPLIT}.")
        elif taken.setdefault(edge.when, number) != number:
            word = "true" if edge.when else "false"
            yield Detail(f"edges[{number}].when", f"edges[{taken[edge.when]}] is the way for {word} already.")
    missing = [word for when, word in ((True, "true"), (False, "false")) if when not in taken]
    if missing and not any(edge.when is None for _, edge in ways):
        yield Detail(f"nodes[{index}]", f"needs an edge with when {' and one with when '.join(missing)}.")


def _unreachable(nodes: Sequence[Node], edges: Sequence[Edge]) -> Iterator[Detail]:
    entry = next(node.id for node in nodes if node.type == ENTRY)
    reached = _closure([entry], {node.id: _targets(node.id, edges) for node in nodes})
    for index, node in enumerate(nodes):
        if node.id not in reached:
            yield Detail(f"nodes[{index}]", f"{node.id} can't be reached from the {ENTRY}.")


def _endless(nodes: Sequence[Node], edges: Sequence[Edge]) -> Iterator[Detail]:
    exits = [node.id for node in nodes if node.type == EXIT]
    backwards = {node.id: [edge.source for edge in edges if edge.target == node.id] for node in nodes}
    ending = _closure(exits, backwards)
    for index, node in enumerate(nodes):
        if node.id not in ending:
            yield Detail(f"nodes[{index}]", f"{node.id} never comes to an exit; every path ends in one.")


def _circles(nodes: Sequence[Node], edges: Sequence[Edge]) -> Iterator[Detail]:
    """The edges by which a way comes back to where it was, without a wait on it."""
    waits = {node.id for node in nodes if node.type == WAIT}
    ways: dict[str, list[tuple[int, str]]] = {node.id: [] for node in nodes}
    for number, edge in enumerate(edges):
        if edge.source not in waits and edge.target not in waits:
            ways[edge.source].append((number, edge.target))
    done: set[str] = set()
    for node in nodes:
        yield from _circles_from(node.id, ways, done)


def _circles_from(start: str, ways: Mapping[str, Sequence[tuple[int, str]]], done: set[str]) -> Iterator[Detail]:
    if start in done:
        return
    trail = {start: iter(ways[start])}
    while trail:
        here = next(reversed(trail))
        step = next(trail[here], None)
        if step is None:
            done.add(here)
            del trail[here]
            continue
        number, target = step
        if target in trail:
            yield Detail(f"edges[{number}].to", f"closes a circle at {target} without a wait in it.")
        elif target not in done:
            trail[target] = iter(ways[target])


def _targets(node_id: str, edges: Sequence[Edge]) -> list[str]:
    return [edge.target for edge in edges if edge.source == node_id]


def _closure(start: Collection[str], ways: Mapping[str, Sequence[str]]) -> set[str]:
    reached = set(start)
    waiting = list(start)
    while waiting:
        for target in ways[waiting.pop()]:
            if target not in reached:
                reached.add(target)
                waiting.append(target)
    return reached
