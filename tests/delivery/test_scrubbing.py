"""However a receiver echoes a secret, it is not stored."""

import html
import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest

from kaireon.delivery.scrubbing import scrub

VALUE = 'pa"ss/wö rd&<1>'


@pytest.mark.parametrize(
    "spelling",
    [
        VALUE,
        json.dumps(VALUE)[1:-1],
        json.dumps(VALUE, ensure_ascii=False)[1:-1],
        quote(VALUE),
        quote(VALUE, safe=""),
        quote_plus(VALUE),
        html.escape(VALUE),
        VALUE.upper(),
        VALUE.encode().decode("latin-1"),
        json.dumps(VALUE.encode().decode("latin-1"))[1:-1],
        # As PHP, Go, JavaScript and the template languages of several write it, and texts within texts.
        json.dumps(VALUE).replace("/", "\\/")[1:-1],
        json.dumps(VALUE).replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003E")[1:-1],
        html.escape(VALUE).replace("&quot;", "&#34;"),
        html.escape(VALUE).replace("/", "&#x2F;"),
        VALUE.replace("ö", "&ouml;"),
        VALUE.replace("ö", "&#246;").replace(" ", "+"),
        VALUE.replace('"', "\\x22"),
        json.dumps(json.dumps(VALUE))[3:-3],
        json.dumps(json.dumps(json.dumps(VALUE)))[7:-7],
        html.escape(json.dumps(VALUE)[1:-1]),
        VALUE.encode().hex(),
    ],
)
def test_a_value_is_found_in_each_spelling(spelling: str) -> None:
    assert scrub(f"you sent {spelling}, thanks", {"token": VALUE}) == "you sent {{secret.token}}, thanks"


@pytest.mark.parametrize("value", ["a\\b\\\\c", "\\\\", "tab\tand\nbreak", "per%cent%25", "&amp;&", "\U0001f511 key"])
@pytest.mark.parametrize("escape", [str, json.dumps, repr, html.escape, lambda text: json.dumps(json.dumps(text))])
def test_a_value_that_looks_like_an_escape_is_found(value: str, escape: Callable[[str], str]) -> None:
    assert "{{secret.token}}" in scrub(f"sent: {escape(f'x{value * 2}x')}", {"token": value * 2})


@pytest.mark.parametrize("user", ["", "a", "ab", "abc"])
@pytest.mark.parametrize("encode", [b64encode, urlsafe_b64encode])
def test_a_value_is_found_in_base64_wherever_it_begins(user: str, encode: Callable[[bytes], bytes]) -> None:
    text = encode(f"{user}{VALUE}:more".encode()).decode()
    scrubbed = scrub(f"Basic {text}", {"token": VALUE})
    assert "{{secret.token}}" in scrubbed
    # What is left is what stands around the value, and up to two characters that are shared with it.
    assert len(scrubbed) <= len("Basic {{secret.token}}") + len(b64encode(f"{user}:more".encode())) + 4


@pytest.mark.slow
def test_looking_for_long_values_takes_no_time_to_speak_of() -> None:
    """The worst that a receiver can answer: all but the last character, again and again."""
    for unit in ("\\/&", "\\", "\\\\", "&amp;", "%25", "/", " ", "a", "\\u005c"):
        secrets = {f"s{number}": (unit * 250)[:240] + f"!{number}" for number in range(3)}
        text = (unit * 1024)[:1024]
        assert scrub(text, secrets) == text


def test_a_value_inside_of_another_is_no_loophole() -> None:
    secrets = {"short": "abcd", "long": "abcdefgh"}
    assert scrub("abcdefgh abcd", secrets) == "{{secret.long}} {{secret.short}}"


def test_short_values_are_left() -> None:
    assert scrub("abc", {"short": "abc"}) == "abc"


def test_regular_expressions_in_values_are_text() -> None:
    assert scrub("a.*b and axxb", {"odd": "a.*b"}) == "{{secret.odd}} and axxb"


@pytest.mark.parametrize("length", range(4, 15))
def test_a_value_that_was_cut_off_is_removed(length: int) -> None:
    assert scrub(f"echo: {VALUE[:length]}", {"token": VALUE}, is_cut=True) == "echo: {{secret}}"


def test_a_value_that_was_cut_within_a_character_is_removed() -> None:
    cut = f"echo: {VALUE}".encode()[: len(b'echo: pa"ss/w') + 1].decode(errors="replace")
    assert scrub(cut, {"token": VALUE}, is_cut=True) == "echo: {{secret}}"


def test_the_end_of_a_whole_text_is_left() -> None:
    assert scrub('echo: pa"s', {"token": VALUE}, is_cut=False) == 'echo: pa"s'
