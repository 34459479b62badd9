"""What a trigger did in the last 24 hours, as one cell of a list shows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from kaireon.studio.wording import count
from triggers.tallies import HOURS_OF_A_DAY, Counts, last_24_hours, total

WIDTH = 96
HEIGHT = 24
_BAR = WIDTH // HOURS_OF_A_DAY
_GAP = 1
_LOWEST = 2
"""So that a single firing beside thousands can still be seen."""
_SCALE_FROM = 4
"""A trigger that fired once does not look like a busy one."""


@dataclass(frozen=True, slots=True)
class Sparkline:
    """Two paths for an SVG of WIDTH x HEIGHT, an hour a bar: what fired below, what was held back on top of it."""

    fired: str
    suppressed: str
    label: str


@dataclass(frozen=True, slots=True)
class Activity:
    """The sum of the hours, and their drawing."""

    counts: Counts
    sparkline: Sparkline

    @property
    def success_percent(self) -> int | None:
        """Rounded down, so that 100 means that nothing failed; None without firings."""
        rate = self.counts.success_rate
        return None if rate is None else int(rate * 100)


def activity_of(trigger_ids: Sequence[str], *, now: datetime) -> Mapping[str, Activity]:
    """The activity of each of the triggers, in one query."""
    hours = last_24_hours(trigger_ids, now=now) if trigger_ids else {}
    return {trigger_id: Activity(total(counts), sparkline(counts)) for trigger_id, counts in hours.items()}


def sparkline(hours: Sequence[Counts]) -> Sparkline:
    """The drawing of 24 hours, each trigger on a scale of its own."""
    highest = max(_SCALE_FROM, *(one.fired + one.suppressed for one in hours))
    fired, suppressed = [], []
    for place, one in enumerate(hours):
        x = place * _BAR
        base = _height(one.fired, highest)
        fired.append(_bar(x, HEIGHT, base))
        suppressed.append(_bar(x, HEIGHT - base, min(_height(one.suppressed, highest), HEIGHT - base)))
    return Sparkline("".join(fired), "".join(suppressed), _label(hours))


def _height(number: int, highest: int) -> int:
    return max(_LOWEST, round(number / highest * HEIGHT)) if number else 0


def _bar(x: int, bottom: int, height: int) -> str:
    return f"M{x} {bottom}h{_BAR - _GAP}v-{height}h-{_BAR - _GAP}z" if height else ""


def _label(hours: Sequence[Counts]) -> str:
    """The text in the place of the drawing, for those who can't see it."""
    sums = total(hours)
    if not sums.fired and not sums.suppressed:
        return "Nothing fired in the last 24 hours"
    busiest = max(range(len(hours)), key=lambda place: hours[place].fired)
    ago = len(hours) - 1 - busiest
    when = "in the running hour" if ago == 0 else f"{ago} hour{'' if ago == 1 else 's'} ago"
    most = f", most of them {when}" if sums.fired > 1 else ""
    return f"In the last 24 hours {count(sums.fired)} fired{most}, and {count(sums.suppressed)} were held back"
