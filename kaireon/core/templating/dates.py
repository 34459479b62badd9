"""The date filter: moments to text, the same on every machine and in every locale."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from kaireon.core.templating.errors import RenderError
from kaireon.core.templating.values import to_text

MAX_FORMAT_LENGTH: Final = 100

_WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_PARTS: Final[dict[str, Callable[[datetime], str]]] = {
    "Y": lambda moment: f"{moment.year:04}",
    "y": lambda moment: f"{moment.year % 100:02}",
    "m": lambda moment: f"{moment.month:02}",
    "B": lambda moment: _MONTHS[moment.month - 1],
    "b": lambda moment: _MONTHS[moment.month - 1][:3],
    "d": lambda moment: f"{moment.day:02}",
    "e": lambda moment: f"{moment.day:2}",
    "j": lambda moment: f"{moment.timetuple().tm_yday:03}",
    "A": lambda moment: _WEEKDAYS[moment.weekday()],
    "a": lambda moment: _WEEKDAYS[moment.weekday()][:3],
    "u": lambda moment: str(moment.isoweekday()),
    "w": lambda moment: str(moment.isoweekday() % 7),
    "V": lambda moment: f"{moment.isocalendar().week:02}",
    "G": lambda moment: f"{moment.isocalendar().year:04}",
    "H": lambda moment: f"{moment.hour:02}",
    "I": lambda moment: f"{(moment.hour - 1) % 12 + 1:02}",
    "M": lambda moment: f"{moment.minute:02}",
    "S": lambda moment: f"{moment.second:02}",
    "L": lambda moment: f"{moment.microsecond // 1000:03}",
    "p": lambda moment: "AM" if moment.hour < 12 else "PM",
    "z": lambda moment: moment.strftime("%z"),
    "s": lambda moment: str(int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() // 1)),
    "F": lambda moment: f"{moment:%Y-%m-%d}",
    "T": lambda moment: f"{moment:%H:%M:%S}",
    "R": lambda moment: f"{moment:%H:%M}",
    "%": lambda _: "%",
}
_DIRECTIVE: Final = re.compile(r"%(-?)(.?)", re.DOTALL)


def date(value: object, format: object) -> object:
    """An ISO 8601 text or seconds since 1970, written in `format` (`%Y-%m-%d`); `%-d` has no leading zero or blank.

    A moment keeps the offset that it was written with; without one it is in UTC. What is no moment comes back as it is,
    as Liquid has it.

    Raises RenderError for an unknown directive, and for `now`, which would make a rendering depend on when it runs.
    """
    pattern = to_text(format)
    if len(pattern) > MAX_FORMAT_LENGTH:
        raise RenderError(f"The format of the filter date is over {MAX_FORMAT_LENGTH} characters.")
    if value in ("now", "today"):
        raise RenderError("The filter date has no clock: write event.timestamp in the place of now or today.")
    moment = _moment(value)
    if moment is None:
        return value
    return _DIRECTIVE.sub(lambda found: _part(moment, found), pattern)


def _moment(value: object) -> datetime | None:
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def _part(moment: datetime, directive: re.Match[str]) -> str:
    part = _PARTS.get(directive[2])
    if part is None:
        known = " ".join(f"%{letter}" for letter in _PARTS)
        raise RenderError(f"The filter date does not know one of the directives in its format; it knows {known}.")
    text = part(moment)
    return text.lstrip("0 ") or "0" if directive[1] else text
