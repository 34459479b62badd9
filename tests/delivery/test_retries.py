"""When there is another attempt, and when not."""

from datetime import UTC, datetime

import pytest
from pytest_django import Settings

from kaireon.delivery.retries import RETRY_SECONDS, Verdict, judge, retry_after_seconds, wait_seconds

NOW = datetime(2026, 3, 10, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 206, 299])
def test_2xx_is_success(status: int) -> None:
    assert judge(status) == (Verdict.DELIVERED, "")


@pytest.mark.parametrize("status", [408, 425, 429, 500, 501, 502, 503, 504, 511, 599])
def test_these_are_tried_again(status: int) -> None:
    assert judge(status) == (Verdict.RETRY, f"The receiver answered {status}.")


@pytest.mark.parametrize("status", [101, 103, 400, 401, 403, 404, 405, 409, 410, 413, 422, 451])
def test_these_are_final(status: int) -> None:
    assert judge(status) == (Verdict.FINAL, f"The receiver answered {status}, which is final.")


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
def test_a_redirect_is_final_and_says_that_it_is_not_followed(status: int) -> None:
    verdict, error = judge(status)
    assert verdict is Verdict.FINAL
    assert "redirects are not followed" in error


def test_the_schedule_is_the_designed_one() -> None:
    waits = [wait_seconds(retries=retries, retry_after_seconds=None, jitter=0.0) for retries in range(8)]
    assert waits == [5, 300, 1800, 7200, 18000, 36000, 36000, None]


def test_jitter_only_adds_and_at_most_a_tenth() -> None:
    assert wait_seconds(retries=1, retry_after_seconds=None, jitter=1.0) == pytest.approx(330)
    assert wait_seconds(retries=1, retry_after_seconds=None, jitter=0.5) == pytest.approx(315)


def test_retry_after_lengthens_a_wait_but_never_shortens_it_and_is_capped() -> None:
    assert wait_seconds(retries=0, retry_after_seconds=120, jitter=0.0) == 120
    assert wait_seconds(retries=3, retry_after_seconds=1, jitter=0.0) == RETRY_SECONDS[3]
    assert wait_seconds(retries=0, retry_after_seconds=10**9, jitter=0.0) == 24 * 3600


def test_retry_after_adds_no_attempts() -> None:
    assert wait_seconds(retries=len(RETRY_SECONDS), retry_after_seconds=1, jitter=0.0) is None


def test_a_setting_replaces_the_schedule(settings: Settings) -> None:
    settings.DELIVERY_RETRY_SECONDS = [0.5]
    assert wait_seconds(retries=0, retry_after_seconds=None, jitter=0.0) == 0.5
    assert wait_seconds(retries=1, retry_after_seconds=None, jitter=0.0) is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        (" 7 ", 7),
        ("0", 0),
        ("9" * 400, 9999999999),
        ("Tue, 10 Mar 2026 14:31:30 GMT", 90),
        ("Tue, 10 Mar 2026 14:31:30 -0000", 90),
        ("Tuesday, 10-Mar-26 14:31:30 GMT", 90),
        ("Tue, 10 Mar 2026 14:00:00 GMT", 0),
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("²", None),
        ("Tue, 99 Mar 2026 99:00:00 GMT", None),
        ("Tue, 10 Mar 99999 14:00:00 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header, now=NOW) == seconds
