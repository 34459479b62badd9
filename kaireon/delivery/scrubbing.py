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
    spellings = {
        value,
        value.strip(),
        encode(value).decode()[1:-1],
        json.dumps(value)[1:-1],
        quote(value),
        quote(value, safe=""),
        quote_plus(value),
        html.escape(value),
    }
    return {spelling for spelling in spellings if len(spelling) >= MIN_LENGTH}


def _without_cut_value(text: str, spellings: list[str]) -> str:
    # A character that was cut in two was decoded to a replacement character.
    whole = text.rstrip("\ufffd")
    for length in range(len(whole), MIN_LENGTH - 1, -1):
        end = whole[-length:].casefold()
        if any(spelling.startswith(end) for spelling in spellings):
            return whole[:-length] + "{{secret}}"
    return text
