"""Takes the values of secrets out of what a receiver answered, however it echoed them."""

import html
import json
import re
from collections.abc import Mapping
from urllib.parse import quote, quote_plus

from kaireon.core.json_values import encode

MIN_LENGTH = 4
"""Shorter values stand in too many innocent words to be searched for."""


def scrub(text: str, secrets: Mapping[str, str], *, is_cut: bool = False) -> str:
    """`text` with `{{secret.name}}` in the place of each value, as it is, JSON-escaped, percent-encoded or in HTML.

    Where `is_cut` says that the text was cut off, a value's beginning at its very end is removed as well.
    """
    names = {spelling.casefold(): name for name, value in secrets.items() for spelling in _spellings(value)}
    if not names:
        return text
    longest_first = sorted(names, key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE)
    scrubbed = pattern.sub(lambda found: f"{{{{secret.{names.get(found[0].casefold(), 'value')}}}}}", text)
    return _without_cut_value(scrubbed, longest_first) if is_cut else scrubbed


def _spellings(value: str) -> set[str]:
    # In a header UTF-8 is sent, which many a receiver takes for Latin-1.
    readings = {value, value.strip(), value.encode().decode("latin-1")}
    escapes = (str, _json, _ascii_json, quote, _quote_all, quote_plus, html.escape)
    spellings = {escape(reading) for reading in readings for escape in escapes}
    return {spelling for spelling in spellings if len(spelling) >= MIN_LENGTH}


def _json(text: str) -> str:
    return encode(text).decode()[1:-1]


def _ascii_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _quote_all(text: str) -> str:
    return quote(text, safe="")


def _without_cut_value(text: str, spellings: list[str]) -> str:
    # A character that was cut in two was decoded to a replacement character.
    whole = text.rstrip("\ufffd")
    for length in range(len(whole), MIN_LENGTH - 1, -1):
        end = whole[-length:].casefold()
        if any(spelling.startswith(end) for spelling in spellings):
            return whole[:-length] + "{{secret}}"
    return text
