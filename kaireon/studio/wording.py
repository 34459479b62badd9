"""How Studio says numbers and times: in words, short, and the same everywhere."""

from datetime import datetime

_UNITS = ((86_400_000, "day"), (3_600_000, "hour"), (60_000, "minute"), (1000, "second"))
_SHORT_UNITS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s"))


def duration(ms: int) -> str:
    """`24 hours`, `90 seconds`, `1 day 2 hours`: exact, in the largest units that it takes. 0 is `0 seconds`."""
    if 0 < ms <= 48 * 3_600_000 and ms % 3_600_000 == 0:
        return _counted(ms // 3_600_000, "hour")
    parts = []
    for size, unit in _UNITS:
        amount, ms = divmod(ms, size)
        if amount:
            parts.append(_counted(amount, unit))
    if ms:
        parts.append(f"{ms} ms")
    return " ".join(parts) or "0 seconds"


def short_duration(ms: float) -> str:
    """`3 d`, `12 min`, `250 ms`: about, in one unit."""
    for size, unit in _SHORT_UNITS:
        if ms >= size:
            return f"{ms / size:.0f} {unit}"
    return f"{ms:.0f} ms" if ms >= 1 or ms == 0 else f"{ms:.1f} ms"


def ago(at: datetime, *, now: datetime) -> str:
    """`3 min ago`, `in 5 h`, `just now`."""
    passed_ms = (now - at).total_seconds() * 1000
    if abs(passed_ms) < 1000:
        return "just now"
    return f"{short_duration(passed_ms)} ago" if passed_ms > 0 else f"in {short_duration(-passed_ms)}"


def count(number: int) -> str:
    """`12,345`."""
    return f"{number:,}"


def compact(number: float) -> str:
    """`950`, `1.2k`, `12k`, `3.4M`: for where there is little room."""
    for size, letter in ((1_000_000, "M"), (1000, "k")):
        if number >= size:
            scaled = number / size
            return f"{scaled:.1f}{letter}" if scaled < 10 else f"{scaled:.0f}{letter}"
    return f"{number:g}"


def _counted(amount: int, unit: str) -> str:
    return f"{amount} {unit}{'' if amount == 1 else 's'}"
