"""Drawings of journeys: nothing lies over anything else, and ways lead downwards wherever they can."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kaireon.journeys.studio.drawing import BOX_HEIGHT, BOX_WIDTH, Box, draw


@st.composite
def graphs(drawn: st.DrawFn) -> dict[str, Any]:
    """Any nodes, any edges between them: also such as no journey could have."""
    count = drawn(st.integers(1, 12))
    names = [f"n{number}" for number in range(count)]
    name = st.sampled_from(names)
    edges = drawn(st.lists(st.tuples(name, name, st.sampled_from([None, True, False])), max_size=20))
    return {
        "nodes": [{"id": node, "type": "wait", "config": {"delayHours": 1}} for node in names],
        "edges": [
            {"from": source, "to": target, **({} if when is None else {"when": when})} for source, target, when in edges
        ],
    }


def _apart(one: Box, other: Box) -> bool:
    return abs(one.x - other.x) >= BOX_WIDTH or abs(one.y - other.y) >= BOX_HEIGHT


@given(graphs())
def test_every_step_is_drawn_once_and_none_lies_over_another_or_outside(graph: dict[str, Any]) -> None:
    drawing = draw(graph)
    assert sorted(box.id for box in drawing.boxes) == sorted(node["id"] for node in graph["nodes"])
    for position, box in enumerate(drawing.boxes):
        assert 0 <= box.x <= drawing.width - BOX_WIDTH
        assert 0 <= box.y <= drawing.height - BOX_HEIGHT
        assert all(_apart(box, other) for other in drawing.boxes[:position])


@given(graphs())
def test_every_edge_is_drawn(graph: dict[str, Any]) -> None:
    assert len(draw(graph).ways) == len(graph["edges"])


@given(graphs())
def test_where_nothing_goes_round_in_circles_every_way_leads_downwards(graph: dict[str, Any]) -> None:
    order = {node["id"]: number for number, node in enumerate(graph["nodes"])}
    graph["edges"] = [edge for edge in graph["edges"] if order[edge["from"]] < order[edge["to"]]]
    top = {box.id: box.y for box in draw(graph).boxes}
    assert all(top[edge["from"]] < top[edge["to"]] for edge in graph["edges"])


def test_yes_stands_at_the_left_of_no() -> None:
    nodes = [
        {"id": "split", "type": "condition_split", "config": {"condition": {}}},
        {"id": "no", "type": "exit", "config": {}},
        {"id": "yes", "type": "exit", "config": {"reason": "told"}},
    ]
    edges = [{"from": "split", "to": "no", "when": False}, {"from": "split", "to": "yes", "when": True}]
    drawing = draw({"nodes": nodes, "edges": edges}, waiting={"yes": 3})
    by_id = {box.id: box for box in drawing.boxes}
    assert by_id["yes"].x < by_id["split"].x < by_id["no"].x
    assert by_id["yes"].line == "told"
    assert by_id["yes"].waiting == 3
    assert sorted(way.word for way in drawing.ways) == ["no", "yes"]


def test_nothing_is_drawn_of_nothing() -> None:
    assert draw({}).boxes == []
