"""Parsing a JSON value with templates in it, and rendering it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from liquid import Node
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.exceptions import LiquidError, LiquidTypeError, OutputStreamLimitError
from liquid.expression import Expression
from liquid.template import BoundTemplate
from msgspec import Struct

from kaireon.core.templating.bounds import (
    MAX_PROBLEMS,
    MAX_RENDERED_BYTES,
    MAX_TEMPLATE_BYTES,
    MAX_TOTAL_BYTES,
    MAX_VALUE_DEPTH,
    Cost,
    Work,
    byte_length,
)
from kaireon.core.templating.dialect import DIALECT, JsonOutputNode
from kaireon.core.templating.errors import RenderError, TemplateError
from kaireon.core.templating.inspection import Inspection, inspect, sentence
from kaireon.core.templating.metering import MeteredContext
from kaireon.core.templating.values import plain

# What `.size`, `.first` and `.last` mean depends on the value; Liquid knows.
_SPECIAL_STEPS: Final = ("size", "first", "last")
_TOO_LONG: Final = f"The rendered text exceeds {MAX_RENDERED_BYTES // 1024} KiB."


class Template:
    """A JSON value with templates in it, parsed. Immutable, and shared between threads as it is."""

    def __init__(self, root: "_Part", *, roots: frozenset[str], found: Inspection) -> None:
        self._root = root
        self._roots = roots
        self.fields_read = frozenset(found.fields_read)
        """Dotted paths of what it reads: `customer.tier`, `event.items[0].sku`; `event` if it reads all of it."""
        self.secrets = frozenset(found.secrets)
        """Names of the secrets that it has placeholders for."""

    def reads(self, root: str) -> bool:
        """Whether anything of `root` (`customer`) is read, so that it has to be in the context."""
        return any(path == root or path.startswith((f"{root}.", f"{root}[")) for path in self.fields_read)

    def render(self, context: Mapping[str, Any], *, secret_marker: Callable[[str], str] | None = None) -> Any:
        """The value for this context, whose values are JSON; only the template's roots are read from it.

        `secret_marker` makes the text that stands for a secret, such as SecretMarkers.mark; a template with secrets
        needs it. Lists and objects in the result may be the context's own: change neither.

        Raises RenderError and nothing else.
        """
        names: dict[str, Any] = {root: context[root] for root in self._roots if root in context}
        if self.secrets:
            if secret_marker is None:
                raise RenderError("The template has secrets, which can't be filled in here.")
            names["secret"] = {name: secret_marker(name) for name in self.secrets}
        return self._root.render(_Rendering(names, Work(names)))


def parse(value: object, *, roots: frozenset[str]) -> Template:
    """A JSON value whose strings are templates over `roots`; with `secret` among them they may hold secrets.

    Raises TemplateError, and nothing else whatever it is given, with every problem found (at most 100).
    """
    parser = _Parser(roots)
    root = parser.part(value, path="", levels_left=MAX_VALUE_DEPTH)
    if parser.total_bytes > MAX_TOTAL_BYTES:
        parser.report("", f"All templates together exceed {MAX_TOTAL_BYTES // 1024} KiB.")
    if parser.problems:
        raise TemplateError(parser.problems)
    return Template(root, roots=roots, found=parser.found)


class _Rendering(Struct, frozen=True):
    names: Mapping[str, Any]
    work: Work


class _Part(Protocol):
    """A piece of the value. Raises RenderError and nothing else."""

    def render(self, rendering: _Rendering) -> Any: ...


@dataclass(frozen=True, slots=True)
class _Constant:
    value: str | int | float | bool | None

    def render(self, rendering: _Rendering) -> Any:
        return self.value


@dataclass(frozen=True, slots=True)
class _List:
    items: tuple[_Part, ...]

    def render(self, rendering: _Rendering) -> Any:
        return [item.render(rendering) for item in self.items]


@dataclass(frozen=True, slots=True)
class _Object:
    members: tuple[tuple[str, _Part], ...]

    def render(self, rendering: _Rendering) -> Any:
        return {key: part.render(rendering) for key, part in self.members}


@dataclass(frozen=True, slots=True)
class _Lookup:
    """A placeholder alone that is a plain path: the common case, without going through Liquid."""

    path: str
    steps: tuple[str | int, ...]

    def render(self, rendering: _Rendering) -> Any:
        value: Any = rendering.names
        for step in self.steps:
            if isinstance(value, dict):
                value = value.get(step)
            elif isinstance(value, list) and isinstance(step, int) and -len(value) <= step < len(value):
                value = value[step]
            else:
                return None
        return _put_out(value, rendering, self.path)


@dataclass(frozen=True, slots=True)
class _Placeholder:
    """A placeholder alone: keeps the JSON type of its value."""

    path: str
    template: BoundTemplate
    expression: Expression
    cost: Cost

    def render(self, rendering: _Rendering) -> Any:
        def evaluate(context: MeteredContext) -> object:
            return plain(self.expression.evaluate(context))

        value = _with_liquid(evaluate, self.template, self.cost, rendering, self.path)
        return _put_out(value, rendering, self.path)


@dataclass(frozen=True, slots=True)
class _Text:
    """A text with placeholders and tags in it."""

    path: str
    template: BoundTemplate
    cost: Cost

    def render(self, rendering: _Rendering) -> Any:
        def write(context: MeteredContext) -> str:
            buffer = context.get_buffer()
            for node in self.template.nodes:
                node.render(context, buffer)
            return buffer.getvalue()

        value = _with_liquid(write, self.template, self.cost, rendering, self.path)
        return _put_out(value, rendering, self.path)


def _with_liquid(
    run: Callable[[MeteredContext], object], template: BoundTemplate, cost: Cost, rendering: _Rendering, path: str
) -> Any:
    """What `run` gives, with every failure as a RenderError at `path`."""
    try:
        rendering.work.evaluate(cost)
        return run(MeteredContext(template, names=rendering.names, work=rendering.work))
    except RenderError as error:
        raise RenderError(error.message, path) from error
    except OutputStreamLimitError as error:
        raise RenderError(_TOO_LONG, path) from error
    except LiquidTypeError as error:
        raise RenderError("The template compares, or goes through, values that don't fit together.", path) from error
    # Liquid is handed whatever an event holds, and raises what Python's codecs, comparisons and numbers raise.
    except Exception as error:
        raise RenderError("The template can't be rendered with these values.", path) from error


def _put_out(value: Any, rendering: _Rendering, path: str) -> Any:
    if isinstance(value, str) and len(value) * 4 > MAX_RENDERED_BYTES and byte_length(value) > MAX_RENDERED_BYTES:
        raise RenderError(_TOO_LONG, path)
    try:
        rendering.work.put_out(value)
    except RenderError as error:
        raise RenderError(error.message, path) from error
    return value


class _Parser:
    """One run over one value. Problems are collected, and the run goes on."""

    def __init__(self, roots: frozenset[str]) -> None:
        self.problems: list[tuple[str, str]] = []
        self.found = Inspection()
        self.total_bytes = 0
        self._roots = roots

    def report(self, path: str, message: str) -> None:
        self.problems.append((path, message))
        if len(self.problems) == MAX_PROBLEMS:
            raise TemplateError(self.problems)

    def part(self, value: object, *, path: str, levels_left: int) -> _Part:
        if isinstance(value, str):
            return self._string(value, path)
        if isinstance(value, list | dict):
            if levels_left == 0:
                self.report(path, "This value is nested too deeply; move it further up.")
                return _Constant(None)
            if isinstance(value, list):
                items = [
                    self.part(item, path=f"{path}[{index}]", levels_left=levels_left - 1)
                    for index, item in enumerate(value)
                ]
                return _List(tuple(items))
            return self._object(value, path, levels_left)
        if isinstance(value, int | float) or value is None:
            return _Constant(value)
        self.report(path, "This is no JSON value.")
        return _Constant(None)

    def _object(self, value: dict[Any, Any], path: str, levels_left: int) -> _Part:
        members: list[tuple[str, _Part]] = []
        for key, item in value.items():
            if not isinstance(key, str):
                self.report(path, "The keys of an object are text.")
                continue
            if "{{" in key or "{%" in key:
                self.report(path, f"A key can't be a template: {key[:60]}.")
                continue
            below = f"{path}.{key}" if path else key
            members.append((key, self.part(item, path=below, levels_left=levels_left - 1)))
        return _Object(tuple(members))

    def _string(self, text: str, path: str) -> _Part:
        if "{{" not in text and "{%" not in text:
            return _Constant(text)
        size = byte_length(text)
        self.total_bytes += size
        if size > MAX_TEMPLATE_BYTES:
            self.report(path, f"The template exceeds {MAX_TEMPLATE_BYTES // 1024} KiB.")
            return _Constant(None)
        if self.total_bytes > MAX_TOTAL_BYTES:
            return _Constant(None)
        try:
            template = DIALECT.from_string(text)
        except LiquidError as error:
            # LiquidError itself stands for any failure of python-liquid's parser that it has no other class for.
            surprising = type(error) is LiquidError
            message = "this can't be read as a template; is it nested too deeply?" if surprising else error.message
            self.report(path, sentence(message, error.token))
            return _Constant(None)
        found = inspect(template, roots=self._roots)
        for problem in found.problems:
            self.report(path, problem)
        self.found.fields_read |= found.fields_read
        self.found.secrets |= found.secrets
        return _compiled(template, text, path, found.cost)


def _compiled(template: BoundTemplate, text: str, path: str, cost: Cost) -> _Part:
    alone = _placeholder_alone(template.nodes, text)
    if alone is None:
        return _Text(path, template, cost)
    if isinstance(alone, FilteredExpression) and not alone.filters and isinstance(alone.left, Path):
        steps = [step for step in alone.left.path if not isinstance(step, Path)]
        if len(steps) == len(alone.left.path) and not set(steps).intersection(_SPECIAL_STEPS):
            return _Lookup(path, tuple(steps))
    return _Placeholder(path, template, alone, cost)


def _placeholder_alone(nodes: list[Node], text: str) -> Expression | None:
    if len(nodes) == 1 and isinstance(nodes[0], JsonOutputNode) and nodes[0].token.value == text:
        return nodes[0].expression
    return None
