"""JSON from outside: decoding it, and what a stored JSON value must obey."""

import math
import re
from collections.abc import Callable
from typing import Any

import msgspec

from kaireon.core.errors import MalformedJson, ValidationFailed, join_path

JSON_ENCODER = msgspec.json.Encoder(decimal_format="number")
encode: Callable[[Any], bytes] = JSON_ENCODER.encode


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("number out of range")
    return number


# Python reads a number such as 1e308 in a twentieth of the time that msgspec takes: 8 MiB of them would hold up a whole
# process for 12 seconds.
_DECODER: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=_finite)


def decode(body: bytes) -> Any:
    """The JSON value in `body`. Refuses NaN, numbers out of range, lone surrogates and bottomless nesting.

    Raises MalformedJson.
    """
    try:
        return _DECODER.decode(body)
    except msgspec.MsgspecError as error:
        raise MalformedJson(f"The body is not valid JSON: {_problem(body, str(error))}.") from None
    except UnicodeDecodeError:
        raise MalformedJson("The body is not valid JSON: it is not UTF-8 text.") from None
    except RecursionError:
        raise MalformedJson("The body is not valid JSON: it is nested too deeply.") from None


_HALF_A_PAIR = re.compile(rb"\\u[dD][89a-fA-F]")
_NUL = rb"\u0000"
_EXPONENT = re.compile(rb"[0-9]e-?[0-9]")
_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def _problem(body: bytes, complaint: str) -> str:
    """What msgspec complains about, in words that tell what to mend."""
    if not body.strip():
        return "it is blank"
    if body.startswith(_BYTE_ORDER_MARKS):
        return "it begins with a byte order mark; send UTF-8 without one"
    if "truncated" in complaint:
        half = ", or a text has half of a surrogate pair (\\ud800 to \\udfff)" if _HALF_A_PAIR.search(body) else ""
        return f"it ends too early{half}"
    said = complaint.partition(" - at `")[0].removeprefix("JSON is malformed: ")
    return said[:1].lower() + said[1:]


def check_json(value: object, *, path: str, max_bytes: int, max_depth: int) -> None:
    """Refuses what PostgreSQL can't hold or nobody should send: NUL characters, too deep, too large.

    `max_bytes` counts the value by `stored_size`. Raises ValidationFailed with the path to the problem.
    """
    try:
        encoded = encode(value)
    except RecursionError:
        raise ValidationFailed.at(path, "is nested too deeply.") from None
    size = _size(encoded, value)
    if size > max_bytes:
        raise ValidationFailed.at(path, f"is {size:,} bytes as JSON; at most {max_bytes:,} are allowed.")
    # What holds few objects and lists can't be deep: nearly every value is through here, without a look at its parts.
    if encoded.count(b"{") + encoded.count(b"[") <= max_depth and _NUL not in encoded:
        return
    problem = _first_problem(value, max_depth)
    if problem is not None:
        steps, message = problem
        raise ValidationFailed.at(join_path(path, steps), message)


def stored_size(value: object) -> int:
    """The bytes of `value` as compact JSON, its numbers with all of their digits.

    That is how PostgreSQL gives them back: 1e308 takes 5 bytes on the way in and 309 on the way out, in each answer and
    in each worker's hands.
    """
    return _size(encode(value), value)


def _size(encoded: bytes, value: object) -> int:
    return len(encoded) + (_digits_left_out(value) if _EXPONENT.search(encoded) else 0)


def _digits_left_out(value: object) -> int:
    digits = 0
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
        elif isinstance(part, float) and part and not 1e-16 < abs(part) < 1e16:
            digits += abs(int(math.log10(abs(part))))
    return digits


def _first_problem(value: object, levels_left: int) -> tuple[str, str] | None:
    """The path below `value` and what is wrong there. The path is only put together where something is."""
    if isinstance(value, str):
        return ("", "must not contain NUL characters (\\u0000).") if "\x00" in value else None
    if not isinstance(value, dict | list):
        return None
    if levels_left == 0:
        return "", "is nested too deeply; move this value further up."
    if isinstance(value, dict) and any("\x00" in key for key in value):
        return "", "has a key with a NUL character (\\u0000)."
    for step, item in value.items() if isinstance(value, dict) else enumerate(value):
        problem = _first_problem(item, levels_left - 1)
        if problem is not None:
            steps, message = problem
            return join_path(f"[{step}]" if isinstance(step, int) else step, steps), message
    return None
