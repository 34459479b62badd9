"""Takes the values of secrets out of what a receiver answered, however it echoed them."""

import html
import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping
from html.entities import codepoint2name
from urllib.parse import quote, quote_plus

from kaireon.core.json_values import encode

MIN_LENGTH = 4
"""Shorter values stand in too many innocent words to be searched for."""
_SHORTEST_ENCODING = 8
# The letter behind the backslash.
_SHORT_ESCAPES = {"\n": "n", "\t": "t", "\r": "r", "\b": "b", "\f": "f"}
_LONGEST_BY_CHARACTER = 250
"""Of longer values only whole spellings are searched for; a pattern of their characters would take long to make."""


def scrub(text: str, secrets: Mapping[str, str], *, is_cut: bool = False) -> str:
    """`text` with `{{secret.name}}` in the place of each value, however a receiver's software escaped it.

    That is as it is, percent-encoded, escaped for JSON or HTML in the ways of different languages, in one another too,
    as base64 or hexadecimal. Where `is_cut` says that the text was cut off, a value's beginning at its very end is
    removed as well.
    """
    if not text:
        return text
    by_length = sorted(secrets.items(), key=lambda secret: len(secret[1]), reverse=True)
    spellings = {name: found for name, value in by_length if (found := _spellings(value))}
    if not spellings:
        return text
    names = list(spellings)
    pattern = re.compile(
        "|".join(f"(?P<s{number}>{_pattern(secrets[name], spellings[name])})" for number, name in enumerate(names)),
        re.IGNORECASE,
    )
    scrubbed = pattern.sub(lambda found: f"{{{{secret.{names[int((found.lastgroup or 's0')[1:])]}}}}}", text)
    if not is_cut:
        return scrubbed
    return _without_cut_value(scrubbed, [spelling.casefold() for found in spellings.values() for spelling in found])


def _spellings(value: str) -> set[str]:
    """The whole value as software of several languages writes it."""
    # In a header UTF-8 is sent, which many a receiver takes for Latin-1.
    readings = {value, value.strip(), value.encode().decode("latin-1")}
    escapes = (str, _json, _ascii_json, _php_json, quote, _quote_all, quote_plus, html.escape)
    spellings = {escape(reading) for reading in readings for escape in escapes} | _encodings(value.encode())
    return {spelling for spelling in spellings if len(spelling) >= MIN_LENGTH}


def _pattern(value: str, spellings: set[str]) -> str:
    """Matches the spellings, and any mixture of escapes of the single characters."""
    alternatives = [re.escape(spelling) for spelling in sorted(spellings, key=len, reverse=True)]
    if MIN_LENGTH <= len(value) <= _LONGEST_BY_CHARACTER:
        parts = re.findall(r"\\+|[^\\]", value)
        alternatives.append("".join(_backslashes(part) if part[0] == "\\" else _character(part) for part in parts))
    return "|".join(alternatives)


def _character(character: str) -> str:
    """Matches one character, however it is escaped. Letters and digits of ASCII are escaped by nobody.

    Atomic, and the escapes before the character itself: each place is read in one way, or a receiver could have the
    search go on for ever.
    """
    if character.isascii() and character.isalnum():
        return character
    code, units = ord(character), character.encode("utf-16-be").hex()
    named = codepoint2name.get(code)
    alternatives = [
        "".join(rf"\\*+u{units[place : place + 4]}" for place in range(0, len(units), 4)),
        rf"x{code:02x}",
        "".join(f"%{byte:02x}" for byte in character.encode()),
        rf"&\#0*+{code};",
        rf"&\#x0*+{code:x};",
        *([f"&{named};"] if named else []),
        *(["&apos;"] if character == "'" else []),
        *([r"\+"] if character == " " else []),
        *([_SHORT_ESCAPES[character]] if character in _SHORT_ESCAPES else []),
        re.escape(character.encode().decode("latin-1")),
        re.escape(character),
    ]
    # Escaped once, or again as part of a text that was.
    return rf"\\*+(?>{'|'.join(alternatives)})"


def _backslashes(run: str) -> str:
    """Matches as many backslashes in a row, or more, since each layer of escapes doubles them."""
    return rf"(?>\\{{{len(run)},}}+|(?:%5c|&\#0*+92;|&\#x0*+5c;){{{len(run)}}})"


def _encodings(value: bytes) -> set[str]:
    """Hexadecimal, and base64: also where the value is part of what was encoded, as in `user:password`."""
    found = {value.hex()}
    for before in range(3):
        first, last = -(-before * 8 // 6), (before + len(value)) * 8 // 6
        for encode_bytes in (b64encode, urlsafe_b64encode):
            found.add(encode_bytes(b"\0" * before + value).decode()[first:last])
    return {spelling for spelling in found if len(spelling) >= _SHORTEST_ENCODING}


def _json(text: str) -> str:
    return encode(text).decode()[1:-1]


def _ascii_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _php_json(text: str) -> str:
    return _ascii_json(text).replace("/", "\\/")


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
