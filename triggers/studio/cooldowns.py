"""Cooldowns as people write them: an amount and a unit. Any number of milliseconds has an exact form."""

import re
from decimal import Decimal

from kaireon.studio.wording import count
from triggers.definition import MAX_COOLDOWN_MS

NO_COOLDOWN = "none"
UNIT_MS = {"seconds": 1000, "minutes": 60_000, "hours": 3_600_000, "days": 86_400_000}
UNITS = ((NO_COOLDOWN, "No limit"), *((unit, unit.capitalize()) for unit in UNIT_MS))

_AMOUNT = re.compile(r"[0-9]{1,15}(\.[0-9]{1,9})?\Z")
_HOURS_SAID_AS_HOURS = 48


class NotACooldown(Exception):
    """The amount can't be read; the message says what to write."""


def to_fields(cooldown_ms: int) -> tuple[str, str]:
    """Amount and unit: `("24", "hours")`, `("1.5", "seconds")`, `("", "none")`."""
    if cooldown_ms == 0:
        return "", NO_COOLDOWN
    hour = UNIT_MS["hours"]
    if cooldown_ms % hour == 0 and cooldown_ms <= _HOURS_SAID_AS_HOURS * hour:
        return str(cooldown_ms // hour), "hours"
    for unit in reversed(UNIT_MS):
        if cooldown_ms % UNIT_MS[unit] == 0:
            return str(cooldown_ms // UNIT_MS[unit]), unit
    return format(Decimal(cooldown_ms) / 1000, "f"), "seconds"


def to_ms(amount: str, unit: str) -> int:
    """Milliseconds. Raises NotACooldown."""
    amount = amount.strip()
    if unit == NO_COOLDOWN:
        if amount:
            raise NotACooldown("Choose a unit, or leave the amount empty for no limit.")
        return 0
    if not amount:
        raise NotACooldown("Say how many, or choose no limit.")
    if not _AMOUNT.match(amount):
        raise NotACooldown("Must be a number such as 24 or 1.5.")
    ms = Decimal(amount) * UNIT_MS[unit]
    if ms > MAX_COOLDOWN_MS:
        raise NotACooldown(f"Must be at most {count(MAX_COOLDOWN_MS // UNIT_MS[unit])} {unit}.")
    if ms != ms.to_integral_value():
        raise NotACooldown("Must be whole milliseconds.")
    return int(ms)
