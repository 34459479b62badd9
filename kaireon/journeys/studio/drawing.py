"""Drawing a journey's graph: where each step and each way stands, from the entry downwards.

A step stands below all steps that lead to it; ways that lead back go round at the right. Within its row it stands as
near as can be to the middle of the steps before it. Pure arithmetic: the template makes the SVG of it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kaireon.journeys.nodes import NODE_TYPES
from kaireon.journeys.studio.steps import ICONS, words

BOX_WIDTH = 208
BOX_HEIGHT = 58
GAP_ACROSS = 32
GAP_DOWN = 46
MARGIN = 16
MARGIN_OF_WAYS_BACK = 34
_LONGEST_LINE = 30


@dataclass(frozen=True, slots=True)
class Box:
    """One step. `x` and `y` are its upper left corner; `waiting` counts who is there now."""

    id: str
    node_type: str
    label: str
    icon: str
    line: str
    x: float
    y: float
    waiting: int

    @property
    def middle_x(self) -> float:
        """Where ways leave and arrive."""
        return self.x + BOX_WIDTH / 2


@dataclass(frozen=True, slots=True)
class Way:
    """One edge, as the path of an SVG, with the word on it and where that stands."""

    path: str
    word: str
    word_x: float
    word_y: float


@dataclass(frozen=True, slots=True)
class Drawing:
    """All of it, and how large it is."""

    boxes: list[Box]
    ways: list[Way]
    width: float
    height: float

    def as_sentences(self) -> list[str]:
        """What the drawing shows, for who does not see it."""
        return [f"{box.label} {box.id}: {box.line}" if box.line else f"{box.label} {box.id}" for box in self.boxes]


def draw(definition: Mapping[str, Any], *, waiting: Mapping[str, int] | None = None) -> Drawing:
    """The drawing of a definition that was checked, or that is at least of the right shape."""
    nodes = {str(node["id"]): node for node in definition.get("nodes", ())}
    edges = [
        (str(edge["from"]), str(edge["to"]), edge.get("when"))
        for edge in definition.get("edges", ())
        if edge["from"] in nodes and edge["to"] in nodes
    ]
    forward, back = _parted(list(nodes), edges)
    rows = _rows(list(nodes), forward)
    places = _places(rows, forward)
    right = max((x + BOX_WIDTH for x, _ in places.values()), default=0.0)
    boxes = {
        node_id: _box(node_id, nodes[node_id], *places[node_id], waiting=(waiting or {}).get(node_id, 0))
        for row in rows
        for node_id in row
    }
    ways = [_way_down(boxes[source], boxes[target], when) for source, target, when in forward]
    ways += [_way_back(boxes[source], boxes[target], when, right) for source, target, when in back]
    return Drawing(
        boxes=list(boxes.values()),
        ways=ways,
        width=right + MARGIN + (MARGIN_OF_WAYS_BACK if back else 0),
        height=len(rows) * (BOX_HEIGHT + GAP_DOWN) - GAP_DOWN + 2 * MARGIN if rows else 0,
    )


_Edge = tuple[str, str, bool | None]


def _parted(nodes: Sequence[str], edges: Sequence[_Edge]) -> tuple[list[_Edge], list[_Edge]]:
    """The edges that lead on, and those that lead back to a step on the way to them."""
    out: dict[str, list[_Edge]] = defaultdict(list)
    for edge in edges:
        out[edge[0]].append(edge)
    forward: list[_Edge] = []
    back: list[_Edge] = []
    state: dict[str, str] = {}
    for start in nodes:
        if start in state:
            continue
        state[start] = "open"
        stack = [(start, iter(out[start]))]
        while stack:
            node, leaving = stack[-1]
            for edge in leaving:
                if state.get(edge[1]) == "open":
                    back.append(edge)
                    continue
                forward.append(edge)
                if edge[1] not in state:
                    state[edge[1]] = "open"
                    stack.append((edge[1], iter(out[edge[1]])))
                    break
            else:
                state[node] = "done"
                stack.pop()
    return forward, back


def _rows(nodes: Sequence[str], forward: Sequence[_Edge]) -> list[list[str]]:
    """Each step in the row below the lowest of those before it."""
    before: dict[str, list[str]] = defaultdict(list)
    after: dict[str, list[str]] = defaultdict(list)
    for source, target, _ in forward:
        before[target].append(source)
        after[source].append(target)
    missing = {node: len(before[node]) for node in nodes}
    depth = dict.fromkeys(nodes, 0)
    ready = [node for node in nodes if missing[node] == 0]
    for node in ready:
        for target in after[node]:
            depth[target] = max(depth[target], depth[node] + 1)
            missing[target] -= 1
            if missing[target] == 0:
                ready.append(target)
    rows: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for node in nodes:
        rows[depth[node]].append(node)
    return rows


def _places(rows: Sequence[list[str]], forward: Sequence[_Edge]) -> dict[str, tuple[float, float]]:
    """The upper left corner of each step. Orders each row in place: yes at the left, no at the right."""
    before: dict[str, list[tuple[str, bool | None]]] = defaultdict(list)
    for source, target, when in forward:
        before[target].append((source, when))
    wish: dict[str, float] = {}
    for row in rows:
        for node in row:
            sides = [wish[source] + {True: -0.5, False: 0.5, None: 0.0}[when] for source, when in before[node]]
            wish[node] = sum(sides) / len(sides) if sides else 0.0
        row.sort(key=lambda node: wish[node])
        for left, right in zip(row, row[1:], strict=False):
            wish[right] = max(wish[right], wish[left] + 1)
        if row and (overhang := (wish[row[-1]] + wish[row[0]]) / 2):
            centre = sum(wish[source] for node in row for source, _ in before[node])
            count = sum(len(before[node]) for node in row)
            shift = centre / count - overhang if count else -overhang
            for node in row:
                wish[node] += shift
    leftmost = min(wish.values(), default=0.0)
    return {
        node: (
            MARGIN + (wish[node] - leftmost) * (BOX_WIDTH + GAP_ACROSS),
            MARGIN + row_number * (BOX_HEIGHT + GAP_DOWN),
        )
        for row_number, row in enumerate(rows)
        for node in row
    }


def _box(node_id: str, node: Mapping[str, Any], x: float, y: float, *, waiting: int) -> Box:
    node_type = str(node["type"])
    line = words(node_type, node.get("config", {}))
    return Box(
        id=node_id,
        node_type=node_type,
        label=NODE_TYPES[node_type].label if node_type in NODE_TYPES else node_type,
        icon=ICONS.get(node_type, "circle"),
        line=line if len(line) <= _LONGEST_LINE else f"{line[: _LONGEST_LINE - 1]}…",
        x=round(x, 1),
        y=round(y, 1),
        waiting=waiting,
    )


def _way_down(source: Box, target: Box, when: bool | None) -> Way:
    x1, y1 = source.middle_x, source.y + BOX_HEIGHT
    x2, y2 = target.middle_x, target.y
    bend = min(GAP_DOWN, (y2 - y1) / 2)
    path = f"M{x1:g} {y1:g} C{x1:g} {y1 + bend:g} {x2:g} {y2 - bend:g} {x2:g} {y2:g}"
    return Way(path, _word(when), (x1 + x2) / 2, (y1 + y2) / 2)


def _way_back(source: Box, target: Box, when: bool | None, right: float) -> Way:
    x1, y1 = source.x + BOX_WIDTH, source.y + BOX_HEIGHT / 2
    x2, y2 = target.x + BOX_WIDTH, target.y + BOX_HEIGHT / 2
    side = right + MARGIN_OF_WAYS_BACK
    path = f"M{x1:g} {y1:g} C{side:g} {y1:g} {side:g} {y2:g} {x2:g} {y2:g}"
    return Way(path, _word(when), side - 8, (y1 + y2) / 2)


def _word(when: bool | None) -> str:
    return {True: "yes", False: "no", None: ""}[when]
