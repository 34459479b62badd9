"""Why one trigger did, or did not, fire for one customer: the newest event that it could have fired for tells."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit.models import Entry
from kaireon.events.models import Event, EventStatus
from triggers.ledger import line_of_trigger
from triggers.lifecycle import find_trigger
from triggers.models import Firing, Status, Trigger
from triggers.studio.ledger import Line, line_of

EVENTS_SHOWN = 5
_ENTRIES_READ = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`verdict` is the answer in one sentence, `text` says more. `earlier` are what it decided about older events."""

    trigger: Trigger
    verdict: str
    text: str
    tone: str
    event: Event | None = None
    line: Line | None = None
    earlier: Sequence[tuple[Event, Line | None]] = ()


def answer_why_not(*, trigger_id: str, customer_id: str) -> Answer:
    """The answer. Raises NotFound where there is no such trigger."""
    trigger = find_trigger(trigger_id)
    events = list(
        Event.objects.filter(customer_id=customer_id, event_type=trigger.event_type).order_by("-sequence")[
            : EVENTS_SHOWN + 1
        ]
    )
    if not events:
        return _no_event(trigger, customer_id)
    firings = {
        one.pk: one
        for one in Firing.objects.filter(event_id__in=[event.event_id for event in events], trigger_id=trigger.pk)
    }
    lines = [_line(event, trigger, firings) for event in events]
    newest, line = events[0], lines[0]
    verdict, text, tone = _judge(trigger, newest, line)
    return Answer(
        trigger=trigger,
        verdict=verdict,
        text=text,
        tone=tone,
        event=newest,
        line=line,
        earlier=list(zip(events[1:], lines[1:], strict=True)),
    )


def _line(event: Event, trigger: Trigger, firings: dict[str, Firing]) -> Line | None:
    raw = line_of_trigger(event, trigger.pk)
    return None if raw is None else line_of(raw, triggers={trigger.pk: trigger}, firings=firings)


def _no_event(trigger: Trigger, customer_id: str) -> Answer:
    text = f"The trigger listens to {trigger.event_type}, and no event of that type has come for this customer."
    any_at_all = Event.objects.filter(event_type=trigger.event_type).exists()
    if any_at_all:
        text += " Events of the type do come for others: check which customerId the sender writes."
    else:
        text += " Nor has one come for anybody: check how the sender spells the type, and whether it sends at all."
    return Answer(trigger=trigger, verdict="No event came that it could have fired for.", text=text, tone="warning")


def _judge(trigger: Trigger, event: Event, line: Line | None) -> tuple[str, str, str]:
    """Verdict, text, and tone."""
    if event.status == EventStatus.PENDING:
        more = f" Its last try went wrong: {event.error}" if event.error else ""
        return "Its newest event is not processed yet.", f"Nothing is decided before that.{more}", "info"
    if event.status == EventStatus.FAILED:
        text = f"It was set aside after repeated errors, and can be replayed. {event.error}"
        return "Its newest event could not be processed.", text, "bad"
    if line is None:
        return _was_away(trigger, event)
    match line.decision:
        case "fired":
            text = line.effect.text if line.effect else ""
            return "It did fire for the newest event.", text, "good"
        case "action_failed":
            return "It fired for the newest event, but its action failed.", line.text, "bad"
        case "condition_false":
            return "Its condition did not hold for the newest event.", line.text, "muted"
        case "cooldown":
            return "It was held back by its cooldown.", line.text, "warning"
        case "missing_customer":
            return "The newest event names no customer.", line.text, "warning"
        case _:
            return "It was stopped, since triggers set each other off in circles.", line.text, "bad"


def _was_away(trigger: Trigger, event: Event) -> tuple[str, str, str]:
    """It stands in no line of the ledger: it was not there, not active, or listened to something else at that time."""
    at = event.processed_at or event.received_at
    if trigger.created_at > at:
        text = f"It was made {trigger.created_at:%Y-%m-%d %H:%M:%S} UTC, after the event was processed."
        return "The trigger was not there yet when the newest event was processed.", text, "muted"
    status, by, since = _status_at(trigger, at)
    if status != Status.ACTIVE:
        told = f"{by} made it {status} {since:%Y-%m-%d %H:%M:%S} UTC." if by and since else f"It was made {status}."
        now = "" if trigger.status == status else f" It is {trigger.status} now."
        return f"The trigger was {status} when the newest event was processed.", f"{told}{now}", "warning"
    text = "It was active, but its event type was another one then, or it was changed at that very moment."
    return "The trigger did not listen to this type when the newest event was processed.", text, "muted"


def _status_at(trigger: Trigger, at: datetime) -> tuple[str, str, datetime | None]:
    """The status at that moment, who made it so and when; from the audit log, as far as it is read."""
    changed = Entry.objects.filter(trigger_id=trigger.pk, action="trigger.status_changed").order_by("-id")
    entries = list(changed.values_list("at", "actor", "facts")[:_ENTRIES_READ])
    for entry_at, actor, facts in entries:
        if entry_at <= at:
            return _status(facts, "after"), actor, entry_at
    return (_status(entries[-1][2], "before") if entries else trigger.status), "", None


def _status(facts: Any, which: str) -> str:
    return str(facts["changes"]["status"][which])
