"""What triggers have decided lately, as numbers: read from the engine's tallies, never by counting firings.

How often a condition did not hold is what a trigger was asked about (events of its type, while it listened) less what
its tally has.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from functools import reduce

from django.db import connection

from triggers.models import TALLIED

HOUR = timedelta(hours=1)
HOURS_OF_A_DAY = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How often each end was come to. The first four are firings, by what came of the action."""

    succeeded: int = 0
    queued: int = 0
    skipped: int = 0
    failed: int = 0
    cooldown: int = 0
    missing_customer: int = 0
    loop_stopped: int = 0
    condition_false: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(**{one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(self)})

    def among(self, asked: int) -> "Counts":
        """These counts, where `asked` events were looked at: the condition did not hold for the others."""
        return replace(self, condition_false=max(0, asked - self.held))

    @property
    def fired(self) -> int:
        """Firings, whatever came of them."""
        return self.succeeded + self.queued + self.skipped + self.failed

    @property
    def done(self) -> int:
        """Firings whose action did not fail."""
        return self.succeeded + self.queued + self.skipped

    @property
    def suppressed(self) -> int:
        """The condition held, and yet the trigger did not fire."""
        return self.cooldown + self.missing_customer + self.loop_stopped

    @property
    def held(self) -> int:
        """The condition held."""
        return self.fired + self.suppressed

    @property
    def matched(self) -> int:
        """Events of the trigger's type that it has looked at."""
        return self.held + self.condition_false

    @property
    def success_rate(self) -> float | None:
        """The share of firings whose action did not fail; None without firings."""
        return 1 - self.failed / self.fired if self.fired else None


NOTHING = Counts()

# Both values of is_firing are named, so that the index is entered with the hour as well.
_SUMS = ", ".join(f"sum({name})::bigint" for name in TALLIED)
_BY_HOUR = f"""
    SELECT trigger_id, hour, {_SUMS} FROM triggers_tally
    WHERE trigger_id = ANY(%s) AND is_firing IN (true, false) AND hour >= %s GROUP BY trigger_id, hour
"""
_BY_STEP = f"""
    SELECT date_bin(%s * interval '1 hour', hour, %s) AS step, {_SUMS} FROM triggers_tally
    WHERE trigger_id = %s AND is_firing IN (true, false) AND hour >= %s AND hour < %s GROUP BY step
"""
_ASKED = """
    FROM triggers_listener AS listener JOIN triggers_asked AS asked
      ON asked.event_type = listener.event_type AND asked.state >= listener.since
         AND (listener.until IS NULL OR asked.state < listener.until)
"""
_ASKED_BY_HOUR = f"""
    SELECT listener.trigger_id, asked.hour, sum(asked.events)::bigint {_ASKED}
    WHERE listener.trigger_id = ANY(%s) AND asked.hour >= %s GROUP BY listener.trigger_id, asked.hour
"""
_ASKED_BY_STEP = f"""
    SELECT date_bin(%s * interval '1 hour', asked.hour, %s) AS step, sum(asked.events)::bigint {_ASKED}
    WHERE listener.trigger_id = %s AND asked.hour >= %s AND asked.hour < %s GROUP BY step
"""
_LAST_FIRED = """
    SELECT asked.id, latest.fired_at
    FROM unnest(%s::text[]) AS asked(id)
    CROSS JOIN LATERAL (
        SELECT fired_at FROM triggers_firing WHERE trigger_id = asked.id ORDER BY fired_at DESC LIMIT 1
    ) AS latest
"""


def last_fired(trigger_ids: Sequence[str]) -> Mapping[str, datetime]:
    """When each of the triggers fired last; those that never did are left out."""
    with connection.cursor() as cursor:
        cursor.execute(_LAST_FIRED, [list(trigger_ids)])
        return dict(cursor.fetchall())


def last_24_hours(trigger_ids: Sequence[str], *, now: datetime) -> Mapping[str, Sequence[Counts]]:
    """For each of the triggers 24 counts, one an hour, the oldest first; the last is that of the running hour."""
    begin = first_of_24_hours(now)
    hours: dict[str, list[Counts]] = {trigger_id: [NOTHING] * HOURS_OF_A_DAY for trigger_id in trigger_ids}
    with connection.cursor() as cursor:
        cursor.execute(_BY_HOUR, [list(trigger_ids), begin])
        for trigger_id, hour, *numbers in cursor.fetchall():
            place = (hour - begin) // HOUR
            if place < HOURS_OF_A_DAY:  # another worker's clock may run ahead
                hours[trigger_id][place] = _counts(numbers)
        cursor.execute(_ASKED_BY_HOUR, [list(trigger_ids), begin])
        for trigger_id, hour, asked in cursor.fetchall():
            place = (hour - begin) // HOUR
            if place < HOURS_OF_A_DAY:
                hours[trigger_id][place] = hours[trigger_id][place].among(asked)
    return hours


def series(trigger_id: str, *, since: datetime, until: datetime, step: timedelta) -> Sequence[tuple[datetime, Counts]]:
    """The trigger's counts from `since` up to `until`, in steps of whole hours that begin at `since`, a whole hour."""
    with connection.cursor() as cursor:
        cursor.execute(_BY_STEP, [step // HOUR, since, trigger_id, since, until])
        found = {begin: _counts(numbers) for begin, *numbers in cursor.fetchall()}
        cursor.execute(_ASKED_BY_STEP, [step // HOUR, since, trigger_id, since, until])
        for begin, asked in cursor.fetchall():
            found[begin] = found.get(begin, NOTHING).among(asked)
    moments = [since + step * number for number in range(-((since - until) // step))]
    return [(moment, found.get(moment, NOTHING)) for moment in moments]


def total(counts: Sequence[Counts]) -> Counts:
    """All of them together."""
    return reduce(Counts.__add__, counts, NOTHING)


def first_of_24_hours(now: datetime) -> datetime:
    """Where the 24 hours begin whose last one is running."""
    return whole_hour(now) - HOUR * (HOURS_OF_A_DAY - 1)


def whole_hour(moment: datetime) -> datetime:
    """The beginning of its hour."""
    return moment.replace(minute=0, second=0, microsecond=0)


def _counts(numbers: Sequence[int]) -> Counts:
    return Counts(**dict(zip(TALLIED, numbers, strict=True)))
