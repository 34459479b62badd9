"""The filters: python-liquid's behind a guard, and our own where those are unbounded, ambient or not JSON.

The guard pays for the data, gives a filter JSON values or text (`true`, never `True`), and lets nothing out but JSON
values within the bounds. Whatever a filter raises becomes a RenderError that names the filter and no value.
"""

import html
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from math import isfinite
from typing import Any, ClassVar, Final
from urllib.parse import quote_plus, unquote_plus

from liquid import RenderContext
from liquid.builtin.filters import array, math, misc, string
from liquid.filter import flatten, int_arg, num_arg

from kaireon.core.templating.bounds import MAX_NUMBER, MAX_RENDERED_BYTES, Work, byte_length
from kaireon.core.templating.dates import date
from kaireon.core.templating.errors import RenderError
from kaireon.core.templating.metering import metered
from kaireon.core.templating.values import identity, plain, to_json, to_text

Prepare = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class GuardedFilter:
    """A filter as python-liquid calls it."""

    with_context: ClassVar[bool] = True
    """Makes python-liquid hand over the context of the rendering, for its allowance."""

    name: str
    function: Callable[..., Any]
    value: Prepare = plain
    """What becomes of the filtered value before `function` sees it."""
    argument: Prepare = plain
    """What becomes of the arguments."""

    def __call__(self, left: object, *arguments: object, context: RenderContext, **named: object) -> Any:
        """The filtered value. Raises RenderError and nothing else."""
        work = metered(context).work
        work.handle(plain(left), *map(plain, arguments))
        try:
            result = self.function(
                self.value(left),
                *map(self.argument, arguments),
                **{name: self.argument(value) for name, value in named.items()},
            )
        except RenderError:
            raise
        # What filters make of values that they were not written for is all over Python: arithmetic, codecs, look-ups.
        except Exception as error:
            raise RenderError(
                f"The filter {self.name} can't be applied to this value or with these arguments."
            ) from error
        return self._settled(plain(result), work)

    def misuse(self, positional: int, named: Sequence[str]) -> str | None:
        """What is wrong with a call that has so many positional arguments, and named ones; None if nothing is."""
        try:
            inspect.signature(self.function).bind(None, *[None] * positional, **dict.fromkeys(named))
        except TypeError as error:
            return str(error)
        return None

    def _settled(self, result: Any, work: Work) -> Any:
        if isinstance(result, str):
            _check_length(byte_length(result))
            if "\0" in result:
                raise RenderError(f"The filter {self.name} makes a NUL character.")
        elif isinstance(result, float | Decimal) and not isfinite(result):
            raise RenderError(f"The filter {self.name} makes a number that JSON can't express.")
        elif isinstance(result, int) and abs(result) >= MAX_NUMBER:
            raise RenderError(f"The filter {self.name} makes a number of more than {len(str(MAX_NUMBER)) - 1} digits.")
        work.make(result)
        return result


def _check_length(length: int) -> None:
    """Called before a long text is made, where its length can be known."""
    if length > MAX_RENDERED_BYTES:
        raise RenderError(f"A filter makes a text over {MAX_RENDERED_BYTES // 1024} KiB.")


def _to_list(value: object) -> list[Any]:
    value = plain(value)
    if isinstance(value, list):
        return flatten(value)
    return [] if value is None else [value]


def _to_sequence(value: object) -> str | list[Any]:
    value = plain(value)
    return value if isinstance(value, list) else to_text(value)


def _property(item: object, key: object) -> Any:
    return item.get(key) if isinstance(item, dict) and isinstance(key, str) else None


def _replace(text: str, sought: str, substitute: str = "") -> str:
    _check_length(len(text) + text.count(sought) * (len(substitute) - len(sought)))
    return text.replace(sought, substitute)


def _join(items: list[Any], separator: object = " ") -> str:
    texts = [to_text(item) for item in items]
    between = to_text(separator)
    _check_length(sum(map(len, texts)) + len(between) * (len(texts) - 1))
    return between.join(texts)


def _escape(text: str) -> str:
    return html.escape(text)


def _strip_newlines(text: str) -> str:
    return re.sub(r"\r?\n", "", text)


def _url_encode(text: str) -> str:
    return quote_plus(text)


def _url_decode(text: str) -> str:
    return unquote_plus(text)


def _map(items: list[Any], key: object) -> list[Any]:
    return [_property(item, key) for item in items]


def _compact(items: list[Any], key: object = None) -> list[Any]:
    return [item for item in items if (item if key is None else _property(item, key)) is not None]


def _uniq(items: list[Any], key: object = None) -> list[Any]:
    first_of_each: dict[bytes, Any] = {}
    for item in items:
        first_of_each.setdefault(identity(item if key is None else _property(item, key)), item)
    return list(first_of_each.values())


def _first(value: object) -> Any:
    return value[0] if isinstance(value, list) and value else None


def _last(value: object) -> Any:
    return value[-1] if isinstance(value, list) and value else None


def _round(value: object, digits: object = 0) -> int | float:
    """Half away from zero, as on paper. Without digits a whole number."""
    number = num_arg(value, default=0)
    places = int_arg(0 if digits is None else digits, default=0)
    if isinstance(number, int):
        return int(number)
    rounded = Decimal(str(number)).quantize(Decimal(1).scaleb(-max(places, 0)), ROUND_HALF_UP)
    return float(rounded) if places > 0 else int(rounded)


def _json(value: object) -> str:
    return to_json(value)


_TEXTS: Final[dict[str, Callable[..., Any]]] = {
    "append": string.append,
    "base64_decode": string.base64_decode,
    "base64_encode": string.base64_encode,
    "base64_url_safe_decode": string.base64_url_safe_decode,
    "base64_url_safe_encode": string.base64_url_safe_encode,
    "capitalize": string.capitalize,
    "downcase": string.downcase,
    "escape": _escape,
    "lstrip": string.lstrip,
    "prepend": string.prepend,
    "remove": string.remove,
    "remove_first": string.remove_first,
    "remove_last": string.remove_last,
    "replace": _replace,
    "replace_first": string.replace_first,
    "replace_last": string.replace_last,
    "rstrip": string.rstrip,
    "split": string.split,
    "squish": string.squish,
    "strip": string.strip,
    "strip_newlines": _strip_newlines,
    "upcase": string.upcase,
    "url_decode": _url_decode,
    "url_encode": _url_encode,
}
_TEXTS_WITH_NUMBERS: Final[dict[str, Callable[..., Any]]] = {
    "truncate": string.truncate,
    "truncatewords": string.truncatewords,
}
_LISTS: Final[dict[str, Callable[..., Any]]] = {
    "compact": _compact,
    "concat": array.concat,
    "find": array.find,
    "has": array.has,
    "join": _join,
    "map": _map,
    "reject": array.reject,
    "reverse": array.reverse,
    "sort": array.sort,
    "sort_natural": array.sort_natural,
    "sum": array.sum_,
    "uniq": _uniq,
    "where": array.where,
}
_OTHERS: Final[dict[str, Callable[..., Any]]] = {
    "abs": math.abs_,
    "at_least": math.at_least,
    "at_most": math.at_most,
    "ceil": math.ceil,
    "date": date,
    "default": misc.default,
    "divided_by": math.divided_by,
    "first": _first,
    "floor": math.floor,
    "json": _json,
    "last": _last,
    "minus": math.minus,
    "modulo": math.modulo,
    "plus": math.plus,
    "round": _round,
    "size": misc.size,
    "times": math.times,
}

FILTERS: Final[Mapping[str, GuardedFilter]] = {
    **{name: GuardedFilter(name, function, to_text, to_text) for name, function in _TEXTS.items()},
    **{name: GuardedFilter(name, function, to_text) for name, function in _TEXTS_WITH_NUMBERS.items()},
    **{name: GuardedFilter(name, function, _to_list) for name, function in _LISTS.items()},
    **{name: GuardedFilter(name, function) for name, function in _OTHERS.items()},
    "slice": GuardedFilter("slice", string.slice_, _to_sequence),
}
FILTER_NAMES: Final = tuple(sorted(FILTERS))
