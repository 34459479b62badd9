"""Template text to tokens, in linear time.

python-liquid lets an environment bring its own scanner. Its default one is a regular expression that takes quadratic to
cubic time on text such as an opening brace followed by blanks, which is seconds for a template of a few KiB. The tokens
here are the same, except that comments are left out, and that the blank space of `-%}` is trimmed behind `endraw` too.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from liquid import Token
from liquid.builtin.expressions import tokenize
from liquid.exceptions import LiquidSyntaxError
from liquid.token import (
    TOKEN_CONTENT,
    TOKEN_DOT,
    TOKEN_EXPRESSION,
    TOKEN_FLOAT,
    TOKEN_IDENTINDEX,
    TOKEN_IDENTSTRING,
    TOKEN_INTEGER,
    TOKEN_OUTPUT,
    TOKEN_RBRACKET,
    TOKEN_STRING,
    TOKEN_TAG,
    TOKEN_WORD,
)

from kaireon.core.templating.bounds import MAX_PLACEHOLDER_LENGTH

_OPENING: Final = re.compile(r"\{[{%]")
_TAG_NAME: Final = re.compile(r"#|\w+")
_ENDRAW: Final = re.compile(r"\{%-?\s*endraw\s*(?P<trim>-?)%\}")
_COMMENT_LIMIT: Final = re.compile(r"\{%-?\s*(?P<name>comment|endcomment)\s*(?P<trim>-?)%\}")

_NUMBERS: Final = (TOKEN_INTEGER, TOKEN_FLOAT)
_VALUE_ENDS: Final = (TOKEN_WORD, TOKEN_IDENTSTRING, TOKEN_IDENTINDEX, TOKEN_RBRACKET, TOKEN_STRING, *_NUMBERS)


def scan(source: str) -> Iterator[Token]:
    """The tokens of a template. Raises LiquidSyntaxError."""
    position = 0
    trim_next = False
    while position < len(source):
        opening = _OPENING.search(source, position)
        start = opening.start() if opening else len(source)
        text = source[position:start]
        if trim_next:
            text = text.lstrip()
        if source.startswith("-", start + 2):
            text = text.rstrip()
        if text:
            yield Token(TOKEN_CONTENT, text, position, source)
        if not opening:
            return
        inside, end, trim_next = _between_braces(source, start)
        if opening[0] == "{{":
            yield Token(TOKEN_OUTPUT, source[start:end], start, source)
            if not inside.value:
                raise LiquidSyntaxError("a placeholder needs a name, such as {{ event.type }}", token=inside)
            yield _checked(inside)
            position = end
            continue
        name = _TAG_NAME.match(inside.value)
        if not name:
            raise LiquidSyntaxError("a tag needs a name, such as {% if %}", token=inside)
        if name[0] in ("raw", "comment"):
            closing = _end_of_raw(inside, end) if name[0] == "raw" else _end_of_comment(inside, end)
            if name[0] == "raw" and end < closing.start():
                yield Token(TOKEN_CONTENT, source[end : closing.start()], end, source)
            position, trim_next = closing.end(), closing["trim"] == "-"
            continue
        if name[0] != "#":
            yield Token(TOKEN_TAG, name[0], inside.start_index, source)
            rest = inside.value[name.end() :].lstrip()
            if rest:
                yield _checked(
                    Token(TOKEN_EXPRESSION, rest, inside.start_index + len(inside.value) - len(rest), source)
                )
        position = end


def _between_braces(source: str, start: int) -> tuple[Token, int, bool]:
    """What stands between the braces that open at `start`, where they end, and whether blanks behind are trimmed."""
    closing = "}}" if source[start + 1] == "{" else "%}"
    end = source.find(closing, start + 2)
    token = Token(TOKEN_EXPRESSION, source[start : start + 2], start, source)
    if end < 0:
        raise LiquidSyntaxError(f"{token.value} is never closed by {closing}", token=token)
    if end - start - 2 > MAX_PLACEHOLDER_LENGTH:
        raise LiquidSyntaxError(f"{token.value} … {closing} is over {MAX_PLACEHOLDER_LENGTH:,} characters", token=token)
    first = start + 3 if source.startswith("-", start + 2) else start + 2
    trims = end > first and source[end - 1] == "-"
    inside = source[first : end - 1 if trims else end]
    stripped = inside.lstrip()
    return (
        Token(TOKEN_EXPRESSION, stripped.rstrip(), first + len(inside) - len(stripped), source),
        end + 2,
        trims,
    )


def _end_of_raw(tag: Token, position: int) -> re.Match[str]:
    closing = _ENDRAW.search(tag.source, position)
    if tag.value != "raw" or not closing:
        raise LiquidSyntaxError("{% raw %} is never closed by {% endraw %}", token=tag)
    return closing


def _end_of_comment(tag: Token, position: int) -> re.Match[str]:
    depth = 1
    for limit in _COMMENT_LIMIT.finditer(tag.source, position):
        depth += 1 if limit["name"] == "comment" else -1
        if depth == 0:
            return limit
    raise LiquidSyntaxError("{% comment %} is never closed by {% endcomment %}", token=tag)


def _checked(expression: Token) -> Token:
    """`expression`, unless it has steps of a path that Liquid would take for something else, or leave out."""
    tokens = list(tokenize(expression.value, expression))
    for before, after in pairwise(tokens):
        if before.kind == TOKEN_DOT and after.kind not in (TOKEN_WORD, *_NUMBERS):
            if after.value.isidentifier():
                message = f'write ["{after.value}"] in the place of .{after.value}, which is a word of Liquid\'s own'
                raise LiquidSyntaxError(message, token=after)
            raise LiquidSyntaxError("a dot needs a name behind it", token=before)
        adjoining = after.kind in _NUMBERS and before.kind in _VALUE_ENDS
        if adjoining or (after.kind == TOKEN_WORD and before.kind in _NUMBERS and not before.value.endswith(".")):
            raise LiquidSyntaxError(f"unexpected {after.value}", token=after)
    if tokens and tokens[-1].kind == TOKEN_DOT:
        raise LiquidSyntaxError("a dot needs a name behind it", token=tokens[-1])
    return expression
