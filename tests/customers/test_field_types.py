"""What each type of field takes, refuses, and stores."""

from typing import Any

import pytest

from kaireon.core.errors import ValidationFailed
from kaireon.core.json_values import encode
from kaireon.customers.field_types import FIELD_TYPES, MAX_ATTRIBUTES_BYTES, Field, check_value
from kaireon.customers.schemas import MAX_FIELDS

LARGEST = 9223372036854775807


def refusal(data_type: str, value: Any) -> str:
    with pytest.raises(ValidationFailed) as caught:
        check_value(Field("age", data_type), value)
    (detail,) = caught.value.details
    assert detail.field == "age"
    return detail.message


def test_the_types_are_those_of_the_contract() -> None:
    assert list(FIELD_TYPES) == ["text", "integer", "decimal", "boolean", "date", "datetime", "json"]


@pytest.mark.parametrize(
    ("data_type", "value", "stored"),
    [
        ("text", "", ""),
        ("text", " Zoë\n", " Zoë\n"),
        ("integer", 75, 75),
        ("integer", 75.0, 75),
        ("integer", -0.0, 0),
        ("integer", LARGEST, LARGEST),
        ("integer", -LARGEST, -LARGEST),
        ("integer", 1e18, 10**18),
        ("decimal", 0.1, 0.1),
        ("decimal", 75.0, 75),
        ("decimal", -3, -3),
        ("decimal", 1e300, 1e300),
        ("decimal", 2**70, float(2**70)),
        ("decimal", 1.2345678901234567e18, 1234567890123456800),
        ("boolean", False, False),
        ("boolean", True, True),
        ("date", "2024-02-29", "2024-02-29"),
        ("datetime", "2026-03-10T15:30:00+01:00", "2026-03-10T14:30:00Z"),
        ("datetime", "2026-03-10T14:30Z", "2026-03-10T14:30:00Z"),
        ("datetime", "2026-03-10T14:30:00.25Z", "2026-03-10T14:30:00.250000Z"),
        ("json", {"a": [1.0, None, True, "x", {}]}, {"a": [1, None, True, "x", {}]}),
        ("json", False, False),
        ("json", [], []),
    ],
)
def test_a_value_of_the_type_is_stored_in_one_form(data_type: str, value: Any, stored: Any) -> None:
    result = check_value(Field("age", data_type), value)
    assert result == stored
    assert type(result) is type(stored)


@pytest.mark.parametrize("data_type", FIELD_TYPES)
def test_null_is_the_absence_of_a_value_of_any_type(data_type: str) -> None:
    assert check_value(Field("age", data_type), None) is None


@pytest.mark.parametrize(
    ("data_type", "values", "message"),
    [
        ("text", [1, True, ["a"], {}], "must be text."),
        (
            "integer",
            ["75", 1.5, True, [1], {}, LARGEST + 1, -LARGEST - 1, 1e300, float("nan"), float("inf")],
            f"must be a whole number from -{LARGEST} to {LARGEST}.",
        ),
        ("decimal", ["0.1", False, [0.1], {}, float("nan"), float("-inf"), 10**400], "must be a number."),
        ("boolean", [0, 1, "true", [], {}], "must be true or false."),
        (
            "date",
            [
                "2026-02-30",
                "20260310",
                "2026-W10-2",
                "2026-3-1",
                "2026-03-10T00:00:00Z",
                "２０２６-03-10",
                "",
                20260310,
            ],
            'must be a date as text, such as "2026-03-10".',
        ),
        (
            "datetime",
            [
                "2026-03-10T14:30:00",
                "2026-03-10",
                "2026-02-30T00:00:00Z",
                "2026-03-10 14:30:00Z",
                "0001-01-01T00:00:00+14:00",
                1773153000,
            ],
            'must be an ISO 8601 date-time with an offset, such as "2026-03-10T14:30:00Z".',
        ),
        ("json", [[float("nan")], {"a": [10**400]}], "must be a JSON value with numbers that fit into 64 bits."),
    ],
)
def test_a_value_of_another_type_is_refused_and_never_coerced(data_type: str, values: list[Any], message: str) -> None:
    assert [refusal(data_type, value) for value in values] == [message] * len(values)


@pytest.mark.parametrize(("data_type", "value"), [("text", "a\x00b"), ("date", "2026-03-10\x00")])
def test_text_with_a_nul_character_is_refused(data_type: str, value: str) -> None:
    assert refusal(data_type, value) == "must not contain NUL characters (\\u0000)."


def test_a_nul_character_deep_in_json_is_refused_with_its_path() -> None:
    with pytest.raises(ValidationFailed) as caught:
        check_value(Field("likes", "json"), {"colours": ["red", "\x00"]})
    assert [detail.field for detail in caught.value.details] == ["likes.colours[1]"]


def test_json_is_at_most_14_levels_deep_so_that_its_event_is_at_most_16() -> None:
    deep: Any = []
    for _ in range(13):
        deep = [deep]
    assert check_value(Field("age", "json"), deep) == deep
    with pytest.raises(ValidationFailed, match="nested too deeply"):
        check_value(Field("age", "json"), [deep])


def test_a_value_is_at_most_as_large_as_a_whole_record() -> None:
    assert refusal("text", "x" * MAX_ATTRIBUTES_BYTES) == "is 25,602 bytes as JSON; at most 25,600 are allowed."


def test_the_largest_change_fits_into_an_event() -> None:
    names = [f"n{number:0>63}" for number in range(MAX_FIELDS)]
    record_bytes = MAX_ATTRIBUTES_BYTES
    frame = encode({"schemaId": "s" * 128, "before": None, "after": None, "changed": names})
    assert len(frame) + 2 * record_bytes <= 64 * 1024
