"""What an answer means, and how long to wait before the next attempt."""

from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum

from django.conf import settings

RETRY_SECONDS: Sequence[float] = (5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 10 * 3600)
"""The waits; after the attempt that follows the last one it is given up. DELIVERY_RETRY_SECONDS replaces them."""
MAX_JITTER = 0.1
"""The share of a wait that is added to it at most."""
MAX_RETRY_AFTER_SECONDS = 24 * 3600.0
_RETRIED_STATUSES = frozenset({408, 425, 429})


class Verdict(Enum):
    """What follows from one attempt."""

    DELIVERED = "delivered"
    RETRY = "retry"
    FINAL = "final"


def judge(status: int) -> tuple[Verdict, str]:
    """The verdict on an answer, and the error in words (empty for success)."""
    if 200 <= status < 300:
        return Verdict.DELIVERED, ""
    if status in _RETRIED_STATUSES or status >= 500:
        return Verdict.RETRY, f"The receiver answered {status}."
    if 300 <= status < 400:
        return Verdict.FINAL, f"The receiver answered {status}; redirects are not followed: set the URL it leads to."
    return Verdict.FINAL, f"The receiver answered {status}, which is final."


def wait_seconds(*, retries: int, retry_after_seconds: float | None, jitter: float) -> float | None:
    """How long to wait after an attempt that had `retries` before it; None when it is given up.

    Never less than the receiver asked for, nor than the schedule has; `jitter` (0 to 1) is added as a share of
    `MAX_JITTER`, so that what failed together does not come back together.
    """
    schedule: Sequence[float] = getattr(settings, "DELIVERY_RETRY_SECONDS", None) or RETRY_SECONDS
    if retries >= len(schedule):
        return None
    wait = max(float(schedule[retries]), min(retry_after_seconds or 0.0, MAX_RETRY_AFTER_SECONDS))
    return wait * (1 + MAX_JITTER * jitter)


def retry_after_seconds(header: str | None, *, now: datetime) -> float | None:
    """What Retry-After asks for, as seconds or as an HTTP date; None where it says nothing that can be read."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:10])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
