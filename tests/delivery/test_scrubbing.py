"""However a receiver echoes a secret, it is not stored."""

import html
import json
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
    ],
)
def test_a_value_is_found_in_each_spelling(spelling: str) -> None:
    assert scrub(f"you sent {spelling}, thanks", {"token": VALUE}) == "you sent {{secret.token}}, thanks"


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
