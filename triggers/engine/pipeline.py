"""The engine, in the order of the specification: match, evaluate, claim the cooldown, dispatch, record.

Everything here happens in the drain's one transaction, under the locks of the events' lanes, a batch at a time: one
look at the compiled triggers, one script call for the claims of a lane, one statement for each table written.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from msgspec import Struct

from audit.log import NewEntry
from kaireon.core.ids import derived_id
from kaireon.customers.working_set import WorkingSet
from kaireon.events.consumers import MAX_DEPTH, Decision, QueuedEvent
from kaireon.events.documents import condition_document, template_document, with_customer
from triggers.actions.base import Scope, Work
from triggers.engine import cooldown
from triggers.engine.catalogue import catalogue
from triggers.engine.compilation import CompiledTrigger, Listeners, State
from triggers.engine.decisions import Verdict, decision, the_rest
from triggers.engine.dispatch import Carried, dispatch
from triggers.engine.records import record_firings
from triggers.engine.tally import add_to_tallies
from triggers.models import Firing, Outcome

FiredBefore = Mapping[str, Mapping[str, Firing]]
"""Earlier firings by the id of their event, then by that of their trigger."""


class Candidate(Struct, frozen=True):
    """A trigger whose condition holds for an event."""

    event: QueuedEvent
    document: Mapping[str, Any]
    trigger: CompiledTrigger
    firing_id: str


@dataclass(slots=True)
class Ledger:
    """What was decided so far, by the event's sequence and in order of priority, what the audit log gets of it, and
    how often each trigger came to each end, by its id and the column of the tally."""

    lines: dict[int, dict[str, Decision]] = field(default_factory=dict)
    entries: list[NewEntry] = field(default_factory=list)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def note(self, event: QueuedEvent, line: Decision) -> None:
        """Writes `line` for its trigger; the place of the trigger was set when it was matched."""
        self.lines[event.sequence][line["triggerId"]] = line

    def note_held_back(self, event: QueuedEvent, line: Decision) -> None:
        """Writes a line that says why its trigger does not fire, and counts it: it is the last word."""
        self.note(event, line)
        self.counts[line["triggerId"], line["decision"]] += 1


def consume(events: Sequence[QueuedEvent], *, now: datetime) -> Mapping[int, list[Decision]]:
    """Fires what is to be fired for `events`, in their order; the ledger of each comes back."""
    state = catalogue.current()
    matched = [event for event in events if event.event_type in state.listeners]
    if not matched:
        return {}
    scope = Scope(now=now, records=WorkingSet(now=now))
    _load_customers(matched, state, scope.records)
    fired_before = _fired_before(matched)
    ledger = Ledger()
    for wave in _waves(matched, state, scope.records):
        _handle(wave, state, scope, ledger, fired_before)
    # One that has fired in an earlier try was counted then.
    asked = Counter(event.event_type for event in matched if event.event_id not in fired_before)
    add_to_tallies(ledger.counts, asked, state=state.number, lane=matched[0].lane, now=now)
    return {sequence: list(lines.values()) for sequence, lines in ledger.lines.items()}


def _handle(
    wave: Sequence[QueuedEvent],
    state: State,
    scope: Scope,
    ledger: Ledger,
    fired_before: FiredBefore,
) -> None:
    candidates = list(_evaluate(wave, state, scope, ledger, fired_before))
    works = list(_claim(candidates, scope, ledger))
    carried = dispatch(works, scope)
    _note_firings(carried, ledger)
    record_firings(carried, ledger.entries)
    ledger.entries.clear()


def _evaluate(
    wave: Iterable[QueuedEvent],
    state: State,
    scope: Scope,
    ledger: Ledger,
    fired_before: FiredBefore,
) -> Iterator[Candidate]:
    """The triggers that want to fire. All triggers of an event see the customer as the event found them.

    The others are not looked at one by one: one line of the ledger stands for all whose conditions do not hold.
    """
    for event in wave:
        listeners = state.listeners[event.event_type]
        document = condition_document(event)
        tested, seen = document, None
        if listeners.customer_fields:
            attributes = scope.records.default_attributes(event.customer_id)
            tested, seen = with_customer(document, attributes), listeners.seen(attributes)
        ledger.lines[event.sequence] = {}
        firings = fired_before.get(event.event_id, {})
        for place in _places(listeners, tested, firings):
            trigger = listeners.triggers[place]
            if (firing := firings.get(trigger.id)) is not None:
                ledger.note(event, _decision_of(firing, trigger))
            elif trigger.action.needs_customer and event.customer_id is None:
                reason = f"the event has no customerId, and {trigger.action.action_type} needs one"
                ledger.note_held_back(event, decision(trigger, Verdict.MISSING_CUSTOMER, reason=reason))
            elif event.depth >= MAX_DEPTH:
                reason = (
                    f"{event.depth} firings lie behind this event; triggers that set each other off are stopped here"
                )
                ledger.note_held_back(event, decision(trigger, Verdict.LOOP_STOPPED, reason=reason))
                ledger.entries.append(_loop_entry(event, trigger))
            else:
                firing_id = derived_id("fir_", event.event_id, trigger.id)
                # Keeps the trigger's place in the order of priority until its line is known.
                ledger.note(event, decision(trigger, Verdict.FIRED, firing_id=firing_id))
                yield Candidate(event, document, trigger, firing_id)
        if count := len(listeners.triggers) - len(ledger.lines[event.sequence]):
            rest = the_rest(count, state=state.number, reads_customer=bool(listeners.customer_fields), seen=seen)
            ledger.lines[event.sequence][""] = rest


def _places(listeners: Listeners, document: Mapping[str, Any], firings: Mapping[str, Firing]) -> list[int]:
    """The places of the triggers that have something to say: their conditions hold, or they have fired before."""
    holding = listeners.index.holding(document)
    if not firings:
        return holding
    fired = {place for place, trigger in enumerate(listeners.triggers) if trigger.id in firings}
    return sorted(fired.union(holding))


def _claim(
    candidates: Sequence[Candidate], scope: Scope, ledger: Ledger
) -> Iterator[tuple[CompiledTrigger, Work[Any]]]:
    """The candidates that no cooldown holds back. Without a customer there is nobody to spare."""
    claims: dict[int, dict[int, cooldown.Claim]] = {}
    for index, one in enumerate(candidates):
        if one.trigger.cooldown_ms > 0 and one.event.customer_id is not None:
            claim = cooldown.Claim(one.trigger.id, one.trigger.cooldown_ms, one.event.customer_id, one.event.event_id)
            claims.setdefault(one.event.lane, {})[index] = claim
    answers: dict[int, cooldown.Answer] = {}
    for lane, of_lane in claims.items():
        answers |= zip(of_lane, cooldown.claim(list(of_lane.values()), lane=lane), strict=True)
    for index, one in enumerate(candidates):
        answer = answers.get(index)
        if isinstance(answer, cooldown.CoolingDown):
            ledger.note_held_back(one.event, decision(one.trigger, Verdict.COOLDOWN, until=answer.until))
            continue
        yield (
            one.trigger,
            Work(
                firing_id=one.firing_id,
                trigger_id=one.trigger.id,
                trigger_name=one.trigger.name,
                event=one.event,
                event_document=template_document(one.document),
                prepared=one.trigger.prepared,
                needs=one.trigger.needs,
                fired_at=scope.now if answer is None else answer.fired_at,
            ),
        )


def _note_firings(carried: Iterable[Carried], ledger: Ledger) -> None:
    for one in carried:
        ledger.counts[one.trigger.id, one.outcome] += 1
        failed = one.outcome == Outcome.FAILED.value
        if failed or one.result.error:  # otherwise the line that keeps the place says it all
            verdict = Verdict.ACTION_FAILED if failed else Verdict.FIRED
            line = decision(one.trigger, verdict, firing_id=one.work.firing_id, reason=one.result.error)
            ledger.note(one.work.event, line)


def _load_customers(events: Sequence[QueuedEvent], state: State, records: WorkingSet) -> None:
    """One query for the default-schema records that conditions or templates of this batch read."""
    customer_ids = {
        event.customer_id
        for event in events
        if event.customer_id is not None and state.listeners[event.event_type].read_customer
    }
    if customer_ids and records.default_schema_id is not None:
        records.load(records.default_schema_id, customer_ids, lock=False)


def _waves(events: Sequence[QueuedEvent], state: State, records: WorkingSet) -> Iterator[Sequence[QueuedEvent]]:
    """The batch, cut so that no event reads a customer's record before an earlier event has changed it.

    Only where some trigger of the batch reads the default schema's records and another one writes them: then the
    customers' first events come first, then their second ones, and so on.
    """
    types = [state.listeners[event_type] for event_type in {event.event_type for event in events}]
    reads = any(each.read_customer for each in types)
    default = records.default_schema_id if reads else None
    if default is None or not any(each.may_write(default) for each in types):
        yield events
        return
    waiting: Sequence[QueuedEvent] = events
    while waiting:
        seen: set[str] = set()
        wave: list[QueuedEvent] = []
        later: list[QueuedEvent] = []
        for event in waiting:
            if event.customer_id is None:
                wave.append(event)
            elif event.customer_id in seen:
                later.append(event)
            else:
                seen.add(event.customer_id)
                wave.append(event)
        yield wave
        waiting = later


def _fired_before(events: Sequence[QueuedEvent]) -> FiredBefore:
    """Firings of earlier tries. Only a replayed event can have any: a try is one transaction."""
    retried = [event.event_id for event in events if event.is_retry]
    found: dict[str, dict[str, Firing]] = {}
    for firing in Firing.objects.filter(event_id__in=retried) if retried else ():
        found.setdefault(firing.event_id, {})[firing.trigger_id] = firing
    return found


def _decision_of(firing: Firing, trigger: CompiledTrigger) -> Decision:
    verdict = Verdict.ACTION_FAILED if firing.outcome == Outcome.FAILED else Verdict.FIRED
    return decision(trigger, verdict, firing_id=firing.pk, reason=firing.error)


def _loop_entry(event: QueuedEvent, trigger: CompiledTrigger) -> NewEntry:
    return NewEntry(
        action="loop.stopped",
        subject=event.event_id,
        trigger_id=trigger.id,
        customer_id=event.customer_id or "",
        event_type=event.event_type,
        event_id=event.event_id,
        action_taken=trigger.action.action_type,
        outcome="stopped",
        facts={"depth": event.depth, "cause": event.cause},
    )
