"""The Liquid that templates are written in: python-liquid with fewer tags, guarded filters and metered loops.

Three things differ from python-liquid's own dialect. Output is written as JSON writes it. A `case` renders the first
`when` that matches, once: python-liquid renders a branch as often as its values match, which nested is exponential. And
what python-liquid would drop in silence (a second `else`, text between `case` and `when`) is an error.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar, Final, TextIO

from liquid import Environment, Node, RenderContext, Tag, Token, TokenStream
from liquid.ast import ConditionalBlockNode
from liquid.builtin.content import Literal
from liquid.builtin.expressions import parse_primitive
from liquid.builtin.expressions.logical import EqExpression
from liquid.builtin.output import Output, OutputNode
from liquid.builtin.tags.assign_tag import AssignTag
from liquid.builtin.tags.capture_tag import CaptureTag
from liquid.builtin.tags.for_tag import BreakTag, ContinueTag, ForNode, ForTag
from liquid.builtin.tags.if_tag import IfNode, IfTag
from liquid.builtin.tags.unless_tag import UnlessTag
from liquid.exceptions import LiquidSyntaxError
from liquid.expression import Expression
from liquid.mode import Mode
from liquid.parser import get_parser
from liquid.token import TOKEN_COMMA, TOKEN_CONTENT, TOKEN_ILLEGAL, TOKEN_OR, TOKEN_TAG

from kaireon.core.templating.bounds import MAX_NESTED_BLOCKS, MAX_RENDERED_BYTES, Cost
from kaireon.core.templating.filters import FILTERS
from kaireon.core.templating.metering import metered
from kaireon.core.templating.scanning import scan
from kaireon.core.templating.values import to_text

TAG_NAMES: Final = ("if", "unless", "case", "for", "assign", "capture", "comment", "raw")


class MeteredForNode(ForNode):
    """A loop that pays for its rounds before it takes the first."""

    cost_of_round = Cost()
    """Set once, when the template is inspected."""

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        """Renders the rounds. Nothing between here and `raise_for_loop_limit` enters another loop."""
        metered(context).cost_of_round = self.cost_of_round
        return super().render_to_output(context, buffer)


class JsonOutputNode(OutputNode):
    """A placeholder in the midst of a text."""

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        """Writes the value as `to_text` has it."""
        text = to_text(self.expression.evaluate(context))
        metered(context).work.handle(text)
        return buffer.write(text)


class _Output(Output):
    node_class = JsonOutputNode


class _For(ForTag):
    node_class = MeteredForNode


class _If(IfTag):
    mode = Mode.STRICT


class _Unless(UnlessTag):
    mode = Mode.STRICT


class _Case(Tag):
    """`case` as the `if` and `elsif` that it is short for."""

    name = "case"
    end = "endcase"

    def parse(self, stream: TokenStream) -> Node:
        token = stream.eat(TOKEN_TAG)
        expression = stream.into_inner(tag=token)
        subject = parse_primitive(self.env, expression)
        expression.expect_eos()
        if stream.current.kind == TOKEN_CONTENT and stream.current.value.isspace():
            next(stream)

        parse_block = get_parser(self.env).parse_block
        branches: list[ConditionalBlockNode] = []
        while stream.current.is_tag("when"):
            when = next(stream)
            matches = self._matches(subject, stream.into_inner(tag=when))
            branches.append(ConditionalBlockNode(when, matches, parse_block(stream, ("when", "else", self.end))))
        if not branches:
            raise LiquidSyntaxError("{% case %} needs a {% when %} directly behind it", token=token)
        default = None
        if stream.current.is_tag("else"):
            next(stream)
            default = parse_block(stream, (self.end,))
        stream.expect(TOKEN_TAG, self.end)
        first, *others = branches
        return IfNode(token, first.expression, first.block, others, default)

    def _matches(self, subject: Expression, values: TokenStream) -> Expression:
        token = values.current
        matches = [EqExpression(token, subject, parse_primitive(self.env, values))]
        while values.current.kind in (TOKEN_COMMA, TOKEN_OR):
            separator = next(values)
            matches.append(EqExpression(separator, subject, parse_primitive(self.env, values)))
        values.expect_eos()
        return _AnyOf(token, matches)


class _AnyOf(Expression):
    """The alternatives of a `when`; side by side, since there may be more of them than `or` may be nested."""

    __slots__ = ("_alternatives",)

    def __init__(self, token: Token, alternatives: Sequence[Expression]) -> None:
        super().__init__(token)
        self._alternatives = alternatives

    def evaluate(self, context: RenderContext) -> bool:
        return any(alternative.evaluate(context) for alternative in self._alternatives)

    def children(self) -> Sequence[Expression]:
        return self._alternatives


class _Unknown(Tag):
    """Liquid asks it for any tag that it has no other for."""

    name = TOKEN_ILLEGAL
    block = False

    def parse(self, stream: TokenStream) -> Node:
        token = stream.expect(TOKEN_TAG)
        if token.value.startswith("end") or token.value in ("else", "elsif", "when"):
            raise LiquidSyntaxError(f"{{% {token.value} %}} does not belong here", token=token)
        names = f"{', '.join(TAG_NAMES[:-1])} or {TAG_NAMES[-1]}"
        raise LiquidSyntaxError(f"unknown tag {token.value}; use {names}", token=token)


class Dialect(Environment):
    """What parses templates. Holds no state of a template or a rendering; shared by all threads."""

    block_nesting_limit = MAX_NESTED_BLOCKS
    output_stream_limit = MAX_RENDERED_BYTES
    shorthand_indexes = True

    # Loops and the size of locals are metered (see `bounds`): Liquid's loop_iteration_limit counts each nest of loops
    # for itself, and its local_namespace_limit goes through all locals at each assignment.
    _tags: ClassVar[tuple[type[Tag], ...]] = (
        Literal,
        _Output,
        _Unknown,
        _If,
        _Unless,
        _Case,
        _For,
        BreakTag,
        ContinueTag,
        AssignTag,
        CaptureTag,
    )

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        """Registers what the dialect has, and nothing of Liquid's defaults."""
        for tag in self._tags:
            self.add_tag(tag)
        self.filters.update(FILTERS)

    def tokenizer(self) -> Callable[[str], Iterator[Token]]:
        """The scanner for template text."""
        return scan


DIALECT: Final = Dialect()
