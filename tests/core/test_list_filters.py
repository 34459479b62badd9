"""The filters that every list builds upon; what the backend refuses is tested on GET /audit."""

from datetime import UTC, datetime

import pytest
from django import forms

from kaireon.core.rest.filters import MomentField, OneOf, TextFilter


def test_one_of_takes_its_values_and_names_them_to_others() -> None:
    field = OneOf(["pending", "failed"]).field
    assert field.clean("failed") == "failed"
    for value in ("Failed", "fail", "failed\x00", "50%", "%s"):
        with pytest.raises(forms.ValidationError, match=r"must be one of pending, failed\."):
            field.clean(value)


def test_text_keeps_its_blanks() -> None:
    assert TextFilter().field.clean(" a ") == " a "


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-10", datetime(2026, 3, 10, tzinfo=UTC)),
        ("2026-03-10T14:30Z", datetime(2026, 3, 10, 14, 30, tzinfo=UTC)),
        ("2026-03-10T14:30:05.25+02:00", datetime(2026, 3, 10, 12, 30, 5, 250_000, tzinfo=UTC)),
        ("2026-03-10T14:30:05-0130", datetime(2026, 3, 10, 16, 0, 5, tzinfo=UTC)),
        ("2026-03-10T14:30:05.123456789Z", datetime(2026, 3, 10, 14, 30, 5, 123_456, tzinfo=UTC)),
        ("2026-03-10T14:30:05 02:00", datetime(2026, 3, 10, 12, 30, 5, tzinfo=UTC)),
        ("0001-01-01", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_a_moment_is_read_as_utc(text: str, moment: datetime) -> None:
    read = MomentField().clean(text)
    assert (read, read.tzinfo) == (moment, UTC)
