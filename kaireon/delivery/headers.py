"""Headers: what users may set, and what is always ours."""

import re
from collections.abc import Mapping

from kaireon.core.errors import Detail, ValidationFailed

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}\Z")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_JSON_TYPE = re.compile(r"\s*application/json\s*(;.*)?\Z", re.IGNORECASE)

# They belong to the connection: a user's value would break the message, or let one pass for two.
_OF_THE_CONNECTION = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


def check_headers(headers: Mapping[str, object]) -> None:
    """Refuses headers that can't be sent, or that are ours to set.

    Raises ValidationFailed, each field a header's name.
    """
    problems = [Detail(name, problem) for name, problem in header_problems(headers)]
    if problems:
        raise ValidationFailed.of(problems)


def header_problems(headers: Mapping[str, object]) -> list[tuple[str, str]]:
    """What is wrong, as (name, sentence without a subject). Never holds a value."""
    problems = []
    seen: set[str] = set()
    for name, value in headers.items():
        problem = _problem(name, value)
        spelling = name.lower().replace("_", "-")
        if not problem and spelling in seen:
            problem = "is there twice, in another spelling."
        if problem:
            problems.append((name, problem))
        seen.add(spelling)
    return problems


def _problem(name: str, value: object) -> str:
    # Receivers that make variables of headers (CGI, WSGI, PHP) take one for the other.
    lower = name.lower().replace("_", "-")
    if not _TOKEN.match(name):
        return "is not a valid header name: use 1 to 128 letters, digits and hyphens."
    if lower in _OF_THE_CONNECTION:
        return "can't be set: it belongs to the connection."
    if lower.startswith("webhook-") or lower == "user-agent":
        return "can't be set: it is set by Kaireon."
    if not isinstance(value, str):
        return "must be text."
    if _CONTROL.search(value):
        return "must not contain line breaks or other control characters."
    if lower == "content-type" and not _JSON_TYPE.match(value):
        return "can't be set: the body is always application/json."
    return ""
