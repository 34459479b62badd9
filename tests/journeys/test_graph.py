"""The rules of the graph, each with its path."""

import pytest

from kaireon.core.errors import Detail
from kaireon.journeys.graph import Edge, Node, problems

TYPES = {"E": "entry_trigger", "W": "wait", "S": "condition_split", "U": "update", "X": "exit"}


def graph(nodes: str, edges: str) -> list[Detail]:
    """Problems of a graph in short: nodes `E1 W1 X1`, edges `E1-W1 S1-X1:true`. A letter says the type."""
    parsed = []
    for text in edges.split():
        ends, _, when = text.partition(":")
        source, _, target = ends.partition("-")
        parsed.append(Edge(source, target, {"": None, "true": True, "false": False}[when]))
    return problems([Node(name, TYPES[name[0]]) for name in nodes.split()], parsed)


@pytest.mark.parametrize(
    ("nodes", "edges"),
    [
        ("E1 X1", "E1-X1"),
        ("X1 E1", "E1-X1"),
        ("E1 W1 U1 X1", "E1-W1 W1-U1 U1-X1"),
        ("E1 S1 U1 X1", "E1-S1 S1-U1:true S1-X1:false U1-X1"),
        ("E1 S1 X1 X2", "E1-S1 S1-X1:true S1-X2:false"),
        ("E1 S1 X1", "E1-S1 S1-X1:true S1-X1:false"),
        ("E1 W1 S1 X1", "E1-W1 W1-S1 S1-X1:true S1-W1:false"),
        ("E1 W1 U1 S1 X1", "E1-U1 U1-W1 W1-S1 S1-X1:true S1-U1:false"),
    ],
)
def test_what_is_a_journey(nodes: str, edges: str) -> None:
    assert graph(nodes, edges) == []


@pytest.mark.parametrize(
    ("nodes", "edges", "paths"),
    [
        ("W1 X1", "W1-X1", ["nodes"]),
        ("E1 E2 X1", "E1-X1 E2-X1", ["nodes[1].type"]),
        ("E1 U1 U1 X1", "E1-U1 U1-X1", ["nodes[2].id"]),
        ("E1 X1", "E1-X9", ["edges[0].to"]),
        ("E1 X1", "E1-X1 U9-X1", ["edges[1].from"]),
        ("E1 X1", "", ["nodes[0]"]),
        ("E1 U1 X1", "E1-U1", ["nodes[1]"]),
        ("E1 X1 X2", "E1-X1 E1-X2", ["edges[1].from"]),
        ("E1 X1", "E1-X1 X1-E1", ["edges[1].from"]),
        ("E1 X1", "E1-X1:true", ["edges[0].when"]),
        ("E1 S1 X1", "E1-S1 S1-X1:true", ["nodes[1]"]),
        ("E1 S1 X1", "E1-S1", ["nodes[1]"]),
        ("E1 S1 X1", "E1-S1 S1-X1:true S1-X1", ["edges[2].when"]),
        ("E1 S1 X1", "E1-S1 S1-X1:true S1-X1:true S1-X1:false", ["edges[2].when"]),
        ("E1 X1 U1 X2", "E1-X1 U1-X2", ["nodes[2]", "nodes[3]"]),
        ("E1 S1 U1 X1", "E1-S1 S1-X1:true S1-U1:false U1-S1", ["edges[3].to"]),
        ("E1 U1 U2 X1", "E1-X1 U1-U2 U2-U1", ["nodes[1]", "nodes[2]", "edges[2].to", "nodes[1]", "nodes[2]"]),
        ("E1 W1 X1", "E1-W1 W1-W1", ["nodes[2]", "nodes[0]", "nodes[1]"]),
        ("E1 E2 X1 X1", "E1-X7", ["nodes[3].id", "nodes[1].type", "edges[0].to"]),
    ],
)
def test_what_is_not(nodes: str, edges: str, paths: list[str]) -> None:
    assert [detail.field for detail in graph(nodes, edges)] == paths


def test_a_split_says_which_way_is_missing() -> None:
    assert graph("E1 S1 X1", "E1-S1 S1-X1:false")[0].message == "needs an edge with when true."
    assert graph("E1 S1 X1", "E1-S1")[0].message == "needs an edge with when true and one with when false."


def test_a_hundred_splits_in_a_row_are_looked_at_in_no_time() -> None:
    """Each has two ways to the next: that many paths could not be followed one by one."""
    nodes = ["E1", *(f"S{number}" for number in range(98)), "X1"]
    edges = ["E1-S0"]
    for here, there in zip(nodes[1:], nodes[2:], strict=False):
        edges += [f"{here}-{there}:true", f"{here}-{there}:false"]
    assert graph(" ".join(nodes), " ".join(edges)) == []
