"""What a JSON value from outside must obey, and what is said of one that is no JSON."""

from typing import Any

import pytest
from django.db import connection

from kaireon.core.errors import MalformedJson, ValidationFailed
from kaireon.core.json_values import check_json, decode, encode, stored_size


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "it is blank."),
        (b" \n ", "it is blank."),
        (b"{not json", "object keys must be strings (byte 1)."),
        (b'{"a": 1} x', "trailing characters (byte 10)."),
        (b'{"a": 1', "it ends too early."),
        (b"1e999", "number out of range."),
        (b'{"a": [1, -1e999]}', "number out of range."),
        (b"9" * 5000, "integer value out of range."),
        (b'"\xff"', "it is not UTF-8 text."),
        (b"\xef\xbb\xbf{}", "it begins with a byte order mark; send UTF-8 without one."),
        (b'"\\ud83d"', "it ends too early, or a text has half of a surrogate pair (\\ud800 to \\udfff)."),
        (b"[" * 100_000, "it is nested too deeply."),
    ],
)
def test_what_is_no_json_is_refused_saying_why(body: bytes, problem: str) -> None:
    with pytest.raises(MalformedJson) as caught:
        decode(body)
    assert caught.value.message == f"The body is not valid JSON: {problem}"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1e308", 1e308),
        ("-0.0", -0.0),
        ("5e-324", 5e-324),
        ("1E+2", 100.0),
        ("1e-400", 0.0),
        ("0." + "1" * 4000, 1 / 9),
    ],
)
def test_numbers_are_the_nearest_doubles(text: str, number: float) -> None:
    found = decode(text.encode())
    assert (type(found), repr(found)) == (float, repr(number))


@pytest.mark.parametrize(
    ("value", "field", "problem"),
    [
        ("\x00", "a", "must not contain NUL characters (\\u0000)."),
        ([1, {"b": ["", "x\x00"]}], "a[1].b[1]", "must not contain NUL characters (\\u0000)."),
        ({"b": {"\x00": 1}}, "a.b", "has a key with a NUL character (\\u0000)."),
        ([[[[]]]], "a[0][0][0]", "is nested too deeply; move this value further up."),
        ({"b": {"c": {"d": {}}}}, "a.b.c.d", "is nested too deeply; move this value further up."),
        ("x" * 200, "a", "is 202 bytes as JSON; at most 200 are allowed."),
        ([1e150, 1e150], "a", "is 313 bytes as JSON; at most 200 are allowed."),
    ],
)
def test_a_value_out_of_bounds_is_refused_with_its_path(value: Any, field: str, problem: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        check_json(value, path="a", max_bytes=200, max_depth=3)
    [detail] = caught.value.details
    assert (detail.field, detail.message) == (field, problem)


@pytest.mark.parametrize("value", [None, True, 0, -1.5, "", "x" * 198, [[[1]]], {"a": {"b": {"c": 1e100}}}])
def test_a_value_within_bounds_passes(value: Any) -> None:
    check_json(value, path="a", max_bytes=200, max_depth=3)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "value", [0, 1.5, 1e15, 1e16, 1e308, -1.7976931348623157e308, 5e-324, 1e-7, [1e300, "1e300", {"a": -1e-300}]]
)
def test_the_stored_size_is_about_what_postgresql_gives_back(value: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::jsonb::text", [encode(value).decode()])
        (given_back,) = cursor.fetchone()
    assert abs(stored_size(value) - len(given_back)) <= 32
