"""The one place that reads the clock. Domain functions take `now` as an argument."""

import re
from datetime import UTC, datetime


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(tz=UTC)


def iso(moment: datetime) -> str:
    """`moment` as the API writes it: UTC, `Z`, with fractions of a second only where there are any."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)\Z", re.ASCII)


def parse_moment(text: str) -> datetime | None:
    """The moment that an ISO 8601 date-time with an offset names, in UTC; None for any other text."""
    if not _MOMENT.match(text):
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):  # the 30th of February; an offset that leads out of the years 1 to 9999
        return None
