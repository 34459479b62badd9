"""What an expression may look like.

Python's own parser reads it, since precedence and parentheses are as in Python. It gets nothing but the words and signs
that are allowed here, so that neither its size nor its warnings about odd literals depend on who writes.
"""

import ast
import keyword
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from kaireon.core.expressions.errors import ExpressionError

MAX_LENGTH: Final = 500
MAX_DEPTH: Final = 30
MAX_DIGITS: Final = 38
"""Of a number, in front of the point or in all."""
MAX_ARGUMENTS: Final = 20

ARGUMENTS: Final[Mapping[str, tuple[int, int]]] = {
    "abs": (1, 1),
    "coalesce": (1, MAX_ARGUMENTS),
    "max": (1, MAX_ARGUMENTS),
    "min": (1, MAX_ARGUMENTS),
    "round": (1, 2),
}
"""The functions, and how many arguments each takes."""

_ALLOWED: Final = (
    "allowed are names, numbers, texts in quotes, true, false, + - * / // %, == != < <= > >=, and, or, not, if … else, "
    "parentheses, and the functions " + ", ".join(ARGUMENTS)
)
_TOKEN: Final = re.compile(
    r"""
    \s*
    (?: (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<number>[0-9]+(?:\.[0-9]+)?)
      | (?P<text>"[^"\\\n]*"|'[^'\\\n]*')
      | (?P<sign>//|\*\*|==|!=|<=|>=|[-+*/%<>(),])
    )
    """,
    re.VERBOSE,
)
_WORDS: Final = frozenset({"and", "or", "not", "if", "else"})
_CONSTANTS: Final = {"true": "True", "false": "False", "True": "True", "False": "False"}
_NODES: Final = (
    ast.BinOp,
    ast.BoolOp,
    ast.Call,
    ast.Compare,
    ast.Constant,
    ast.IfExp,
    ast.Name,
    ast.UnaryOp,
    ast.operator,
    ast.unaryop,
    ast.boolop,
    ast.cmpop,
    ast.expr_context,
)


def read(text: str) -> ast.expr:
    """The tree of an expression, its decimals as Decimal. Raises ExpressionError."""
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"An expression has at most {MAX_LENGTH} characters; this one has {len(text):,}.")
    source = " ".join(_tokens(text))
    if not source:
        raise ExpressionError("An expression is needed, such as event_count + 1.")
    try:
        tree = ast.parse(source, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ExpressionError(
            f"This is not an expression: a sign, a name or a parenthesis is missing; {_ALLOWED}."
        ) from None
    _check(tree, source)
    return tree


def names_in(tree: ast.expr) -> frozenset[str]:
    """The attributes that an expression reads."""
    functions = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in functions)


def _tokens(text: str) -> list[str]:
    tokens: list[str] = []
    position = 0
    end = len(text.rstrip())
    while position < end:
        found = _TOKEN.match(text, position)
        if not found:
            unexpected = text[position:].lstrip()[0]
            if unexpected in "\"'":
                raise ExpressionError("A text is never closed by its quote, or holds a line break or a backslash.")
            raise ExpressionError(f"{unexpected!r} can't be used here; {_ALLOWED}.")
        position = found.end()
        tokens.append(_token(found))
    return tokens


def _token(found: re.Match[str]) -> str:
    token = found[found.lastgroup or 0]
    if found.lastgroup == "sign" and token == "**":
        raise ExpressionError(f"Powers can't be used; {_ALLOWED}.")
    if found.lastgroup == "number" and len(token) > MAX_DIGITS:
        raise ExpressionError(f"A number has at most {MAX_DIGITS} digits.")
    if found.lastgroup == "name":
        if token in _CONSTANTS:
            return _CONSTANTS[token]
        if token in ("null", "None"):
            raise ExpressionError(
                f"{token} can't be used here: what is absent counts as 0, and coalesce(a, b) gives b for it."
            )
        if keyword.iskeyword(token) and token not in _WORDS:
            raise ExpressionError(f"{token} can't be used in an expression; {_ALLOWED}.")
    return token


def _check(tree: ast.expr, source: str) -> None:
    """Refuses what the tokens could not rule out, and makes decimals exact. Without recursion, whatever the depth."""
    waiting: list[tuple[ast.AST, int]] = [(tree, 1)]
    while waiting:
        node, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise ExpressionError(
                f"The expression is nested more than {MAX_DEPTH} deep; use fewer operations in a row."
            )
        # `in` and `is` are refused as words; a tuple is the one thing that could be made of commas and parentheses.
        if not isinstance(node, _NODES):
            raise ExpressionError(f"A list can't be used here; {_ALLOWED}.")
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            node.value = Decimal(ast.get_source_segment(source, node) or "")  # type: ignore[assignment]
        if isinstance(node, ast.Call):
            _check_call(node)
            waiting.extend((argument, depth + 1) for argument in node.args)
        else:
            waiting.extend((child, depth + 1) for child in ast.iter_child_nodes(node))


def _check_call(call: ast.Call) -> None:
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    if name not in ARGUMENTS:
        raise ExpressionError(f"{name or 'This'} is not a function; there are {', '.join(ARGUMENTS)}.")
    fewest, most = ARGUMENTS[name]
    if not fewest <= len(call.args) <= most:
        number = str(fewest) if fewest == most else f"{fewest} to {most}"
        raise ExpressionError(
            f"{name} takes {number} argument{'' if most == 1 else 's'}; here it has {len(call.args)}."
        )
    if any(isinstance(argument, ast.Starred) for argument in call.args):
        raise ExpressionError(f"* can't be used in front of an argument; {_ALLOWED}.")
