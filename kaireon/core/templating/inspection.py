"""What a parsed text reads, what it costs, and what is wrong with it beyond its syntax."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final

from liquid import Node, Token
from liquid.builtin.expressions import FilteredExpression, KeywordArgument, Path
from liquid.builtin.expressions.filtered import Filter
from liquid.builtin.expressions.logical import (
    ContainsExpression,
    EqExpression,
    GeExpression,
    GtExpression,
    LeExpression,
    LtExpression,
    NeExpression,
)
from liquid.builtin.expressions.primitive import IntegerLiteral, RangeLiteral
from liquid.builtin.tags.capture_tag import CaptureNode
from liquid.builtin.tags.for_tag import BreakNode, ContinueNode
from liquid.context import RenderContext
from liquid.expression import Expression
from liquid.template import BoundTemplate

from kaireon.core.templating.bounds import MAX_EXPRESSION_DEPTH, MAX_PROBLEMS, MAX_RANGE_LENGTH, Cost
from kaireon.core.templating.dialect import JsonOutputNode, MeteredForNode
from kaireon.core.templating.filters import FILTER_NAMES, FILTERS
from kaireon.core.templating.secret_markers import SECRET_NAME

_SECRET: Final = "secret"
_SECRET_PLACEHOLDER: Final = re.compile(rf"\{{\{{-?\s*{_SECRET}\.({SECRET_NAME})\s*-?\}}\}}")
_COMPARISONS: Final = (
    ContainsExpression,
    EqExpression,
    GeExpression,
    GtExpression,
    LeExpression,
    LtExpression,
    NeExpression,
)
_ALIKE: Final = 0.7
_LONGEST_GUESSED: Final = 40
_LONGEST_SENTENCE: Final = 1000


@dataclass
class Inspection:
    """What was found in one text. Each problem is a sentence, with its line where the text has several."""

    problems: list[str] = field(default_factory=list)
    fields_read: set[str] = field(default_factory=set)
    secrets: set[str] = field(default_factory=set)
    cost: Cost = field(default_factory=Cost)


def inspect(template: BoundTemplate, *, roots: frozenset[str]) -> Inspection:
    """Looks through a parsed text, and tells its loops what a round costs."""
    inspector = _Inspector(template, roots)
    inspector.found.cost = inspector.nodes(template.nodes)
    return inspector.found


def sentence(message: object, token: Token | None) -> str:
    """`message` as a sentence, behind the number of its line if the text of `token` has more than one."""
    text = str(message)[:_LONGEST_SENTENCE]
    text = text[:1].upper() + text[1:]
    if not text.endswith((".", "?")):
        text += "."
    if token and token.start_index >= 0 and "\n" in token.source:
        return f"Line {token.source.count(chr(10), 0, token.start_index) + 1}: {text}"
    return text


def one_of(names: Iterable[str]) -> str:
    """`event`, `event or firing`, `customer, event or firing`."""
    *others, last = sorted(names)
    return f"{', '.join(others)} or {last}" if others else last


class _Inspector:
    """One walk through one text. Its recursion is bounded by the limits on nested blocks and expressions."""

    def __init__(self, template: BoundTemplate, roots: frozenset[str]) -> None:
        self.found = Inspection()
        self._roots = roots
        self._static_context = RenderContext(template)
        self._assigned: set[str] = set()
        self._loop_names: list[set[str]] = []
        self._captures = 0

    def nodes(self, nodes: Iterable[Node]) -> Cost:
        return sum(map(self._node, nodes), Cost())

    def _report(self, message: str, token: Token | None) -> None:
        if len(self.found.problems) < MAX_PROBLEMS:
            self.found.problems.append(sentence(message, token))

    def _meant(self, name: str, names: Iterable[str]) -> str:
        # Guessing is slow. The first problems get a guess, which is where a person begins to read.
        if len(name) > _LONGEST_GUESSED or len(self.found.problems) >= MAX_PROBLEMS:
            return ""
        matches = get_close_matches(name, names, n=1, cutoff=_ALIKE)
        return f"; did you mean {matches[0]}?" if matches else ""

    def _node(self, node: Node) -> Cost:
        if isinstance(node, BreakNode | ContinueNode) and not self._loop_names:
            self._report("break and continue belong inside a for", node.token)
        if self._is_secret(node):
            return Cost(steps=2)
        cost = sum((self._expression(part, depth=1) for part in node.expressions()), Cost(steps=1))
        for name in node.template_scope():
            self._define(name, node.token)
            self._assigned.add(name)

        if isinstance(node, MeteredForNode):
            return cost + self._loop(node)
        self._captures += isinstance(node, CaptureNode)
        body = self.nodes(node.children(self._static_context))
        self._captures -= isinstance(node, CaptureNode)
        return cost + body

    def _loop(self, node: MeteredForNode) -> Cost:
        names = {str(name) for name in node.block_scope()}
        for name in names:
            self._define(name, node.token)
        self._loop_names.append(names)
        node.cost_of_round = self.nodes(node.children(self._static_context))
        self._loop_names.pop()
        # What the rounds cost is paid when the loop is entered and their number known.
        return Cost()

    def _define(self, name: str, token: Token) -> None:
        if name in self._roots or name == _SECRET:
            self._report(f"the name {name} is taken; use another one", token)

    def _is_secret(self, node: Node) -> bool:
        """Whether the node is a secret where one may stand; notes which."""
        if not isinstance(node, JsonOutputNode) or self._captures or _SECRET not in self._roots:
            return False
        placeholder = _SECRET_PLACEHOLDER.fullmatch(node.token.value)
        if not placeholder:
            return False
        self.found.secrets.add(placeholder[1])
        return True

    def _expression(self, expression: Expression, *, depth: int) -> Cost:
        if depth > MAX_EXPRESSION_DEPTH:
            self._report(f"the expression is nested more than {MAX_EXPRESSION_DEPTH} deep", expression.token)
            return Cost()
        cost = Cost(steps=1, comparisons=int(isinstance(expression, _COMPARISONS)))
        if isinstance(expression, Path):
            cost += Cost(steps=len(expression.path))
            self._path(expression)
        elif isinstance(expression, RangeLiteral):
            self._range(expression)
        elif isinstance(expression, FilteredExpression):
            for applied in expression.filters or ():
                cost += Cost(steps=1)
                self._filter(applied)
        return sum((self._expression(part, depth=depth + 1) for part in expression.children()), cost)

    def _path(self, path: Path) -> None:
        root, *steps = path.path
        if not isinstance(root, str):
            self._report("a placeholder needs a name in front of its brackets", path.token)
        elif root == _SECRET:
            self._misplaced_secret(path.token)
        elif root in self._roots:
            self._note_field(root, steps)
        elif root not in self._assigned and not any(root in names for names in self._loop_names):
            meant = self._meant(root, {*self._roots, *self._assigned})
            self._report(f"unknown name {root[:60]}; use {one_of(self._roots)}{meant}", path.token)

    def _note_field(self, root: str, steps: Iterable[object]) -> None:
        dotted = root
        for step in steps:
            if isinstance(step, Path):
                # Which key it is stands in the event. All of what holds it may be read.
                break
            dotted += f"[{step}]" if isinstance(step, int) else f".{step}"
        self.found.fields_read.add(dotted)

    def _misplaced_secret(self, token: Token) -> None:
        if _SECRET not in self._roots:
            self._report("secrets are for webhooks alone", token)
        else:
            self._report(
                "a secret can only be written as {{ secret.name }}, without filters, and not in a tag or between "
                "capture and endcapture; its name has at most 64 letters, digits and _, and begins with a letter",
                token,
            )

    def _range(self, expression: RangeLiteral) -> None:
        start, stop = expression.start, expression.stop
        if not isinstance(start, IntegerLiteral) or not isinstance(stop, IntegerLiteral):
            self._report("a range needs two whole numbers, such as (1..5)", expression.token)
        elif stop.value - start.value >= MAX_RANGE_LENGTH:
            self._report(f"a range has at most {MAX_RANGE_LENGTH:,} numbers", expression.token)

    def _filter(self, applied: Filter) -> None:
        known = FILTERS.get(applied.name)
        if known is None:
            meant = self._meant(applied.name, FILTER_NAMES)
            self._report(f"unknown filter {applied.name[:60]}{meant or f'; use {one_of(FILTER_NAMES)}'}", applied.token)
            return
        named = [argument.name for argument in applied.args if isinstance(argument, KeywordArgument)]
        misuse = known.misuse(len(applied.args) - len(named), named)
        if misuse:
            self._report(f"filter {applied.name}: {misuse}", applied.token)
