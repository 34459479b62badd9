"""What was decided about an event, in a few words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kaireon.events.models import Event, EventStatus

_WORDS: Sequence[tuple[str, str, str]] = (
    ("fired", "good", "fired"),
    ("action_failed", "bad", "failed"),
    ("cooldown", "warning", "in cooldown"),
    ("missing_customer", "warning", "without a customer"),
    ("loop_stopped", "bad", "stopped as a loop"),
    ("condition_false", "muted", "did not match"),
)


@dataclass(frozen=True, slots=True)
class Part:
    """`2 fired`, and whether that is good."""

    text: str
    tone: str


def decided(event: Event) -> list[Part]:
    """How many triggers decided what, what they did first. Empty while the event is not processed."""
    if event.status != EventStatus.PROCESSED:
        return []
    counts: Mapping[str, int] = _counts(event.decisions)
    return [Part(f"{counts[name]} {words}", tone) for name, tone, words in _WORDS if counts.get(name)]


def _counts(lines: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for line in lines:
        counts[line["decision"]] = counts.get(line["decision"], 0) + line.get("count", 1)
    return counts
