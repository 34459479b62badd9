"""JSON from outside: decoding it, and what a stored JSON value must obey."""

from collections.abc import Callable
from typing import Any

import msgspec

from kaireon.core.errors import MalformedJson, ValidationFailed, join_path

JSON_ENCODER = msgspec.json.Encoder(decimal_format="number")
encode: Callable[[Any], bytes] = JSON_ENCODER.encode


def decode(body: bytes) -> Any:
    """The JSON value in `body`. Refuses NaN, numbers out of range, lone surrogates and bottomless nesting.

    Raises MalformedJson.
    """
    try:
        return msgspec.json.decode(body)
    except msgspec.MsgspecError as error:
        raise MalformedJson(f"The body is not valid JSON: {error}.") from None
    except UnicodeDecodeError:
        raise MalformedJson("The body is not valid JSON: it is not UTF-8 text.") from None
    except RecursionError:
        raise MalformedJson("The body is not valid JSON: it is nested too deeply.") from None


def check_json(value: object, *, path: str, max_bytes: int, max_depth: int) -> None:
    """Refuses what PostgreSQL can't hold or nobody should send: NUL characters, too deep, too large.

    `max_bytes` counts the value as compact JSON. Raises ValidationFailed with the path to the problem.
    """
    _check(value, path, max_depth)
    size = len(encode(value))
    if size > max_bytes:
        raise ValidationFailed.at(path, f"is {size:,} bytes as JSON; at most {max_bytes:,} are allowed.")


def _check(value: object, path: str, levels_left: int) -> None:
    if isinstance(value, str):
        if "\x00" in value:
            raise ValidationFailed.at(path, "must not contain NUL characters (\\u0000).")
    elif isinstance(value, dict | list):
        if levels_left == 0:
            raise ValidationFailed.at(path, "is nested too deeply; move this value further up.")
        if isinstance(value, list):
            for index, item in enumerate(value):
                _check(item, f"{path}[{index}]", levels_left - 1)
            return
        for key, item in value.items():
            if "\x00" in key:
                raise ValidationFailed.at(path, "has a key with a NUL character (\\u0000).")
            _check(item, join_path(path, key), levels_left - 1)
