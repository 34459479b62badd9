"""The rows of the list of triggers: each with its words, and with what it did lately."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from triggers.definition import priority_band
from triggers.models import Trigger
from triggers.studio.activity import Activity, activity_of
from triggers.studio.wording import action_icon, action_label, cooldown_in_words
from triggers.tallies import last_fired


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A trigger as the list shows it.

    `key` tells its parts from those of other rows: a trigger's id may hold characters that mean something in selectors.
    """

    trigger: Trigger
    key: str
    activity: Activity
    last_fired_at: datetime | None
    action: str
    icon: str
    band: str
    cooldown: str


def rows_of(triggers: Sequence[Trigger], *, now: datetime) -> list[Row]:
    """Their rows, in two queries."""
    ids = [trigger.pk for trigger in triggers]
    activities, firings = activity_of(ids, now=now), last_fired(ids)
    return [
        Row(
            trigger=trigger,
            key=hashlib.sha256(trigger.pk.encode()).hexdigest()[:12],
            activity=activities[trigger.pk],
            last_fired_at=firings.get(trigger.pk),
            action=action_label(trigger.action_type),
            icon=action_icon(trigger.action_type),
            band=priority_band(trigger.priority),
            cooldown=cooldown_in_words(trigger.cooldown_ms),
        )
        for trigger in triggers
    ]
