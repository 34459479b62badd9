"""Which texts name an instant.

An instant is an ISO 8601 date-time in the extended form with an offset: `2026-03-10T14:30:00Z`,
`2026-03-10T15:30+01:00`, `2026-03-10T14:30:00.123456789-0500`. Seconds may be left out, a fraction may have any number
of digits.

Not an instant, and so compared as text: a plain date and a date-time without an offset (nobody said where they hold),
the basic form without separators, week and ordinal dates, a blank in place of the `T`, days that don't exist, 24:00 and
leap seconds.
"""

import re
from datetime import date
from typing import TypeAlias

Instant: TypeAlias = tuple[int, str]
"""Whole seconds since the day before 0001-01-01 (UTC), and the digits of the fraction without trailing zeros.

Tuples of this kind sort as the instants do: digits behind the point sort as text. Nothing is rounded, and unlike
`datetime` no offset can lead out of its range of years.
"""

_DATE_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:[.,](\d+))?)?"
    r"(?:Z|([+-])([01]\d|2[0-3])(?::?([0-5]\d))?)",
    re.ASCII,
)


def instant(text: str) -> Instant | None:
    """The instant that `text` names, or None if it names none. Never raises."""
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, sign, offset_hours, offset_minutes = match.groups()
    try:
        days = date(int(year), int(month), int(day)).toordinal()
    except ValueError:  # the 30th of February, the year 0000
        return None
    offset_s = int(offset_hours or 0) * 3600 + int(offset_minutes or 0) * 60
    local_s = days * 86_400 + int(hour) * 3600 + int(minute) * 60 + int(second or 0)
    return (local_s + offset_s if sign == "-" else local_s - offset_s), (fraction or "").rstrip("0")
