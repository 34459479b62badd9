"""What must have come of the events that were sent, and what did: pure, over rows that were read.

Nothing of the product is imported. What should fire is worked out from the events themselves; only *when* a trigger
with a cooldown fired is believed, and each time that one was held back has to be accounted for by an earlier firing.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

_MILLISECOND = timedelta(milliseconds=1)


class Effect(Enum):
    """What a rule's action leaves behind."""

    COUNTS = "update_attribute"
    GIVES_BONUS = "update_attribute, of another attribute"
    SENDS = "webhook"
    ENROLS = "enroll_journey"
    RECOMMENDS = "fire_recommend"

    @property
    def action_type(self) -> str:
        """The name of the action."""
        return self.value.partition(",")[0]


BONUS = 100


@dataclass(frozen=True, slots=True)
class Rule:
    """A trigger: for each event whose `flag` is set (None: for each), at most once a customer in `cooldown_ms`."""

    trigger_id: str
    flag: str | None
    cooldown_ms: int
    effect: Effect


@dataclass(frozen=True, slots=True)
class SentEvent:
    """An event that was accepted. `number` counts the customer's events in the order in which they were sent."""

    event_id: str
    customer_id: str
    number: int
    flags: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """A row of the event log; `decisions` is its ledger by trigger."""

    event_id: str
    sequence: int
    lane: int
    status: str
    attempts: int
    received_at: datetime
    processed_at: datetime | None
    decisions: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFiring:
    """A row of the firings."""

    firing_id: str
    trigger_id: str
    event_id: str
    outcome: str
    detail: Mapping[str, Any]
    fired_at: datetime


@dataclass(slots=True, kw_only=True)
class Record:
    """All that was found. Counters count rows by the id of the firing that caused them."""

    events: list[StoredEvent]
    firings: list[StoredFiring]
    attributes: dict[str, dict[str, Any]]
    updates: Counter[str]
    enrolments: Counter[str]
    enrolments_completed: Counter[str]
    recommendations: Counter[str]
    messages: Counter[str]
    deliveries: Counter[str]
    delivered: set[str]
    dead: set[str]
    answered: set[str]
    """The webhook-ids that a receiver answered with 2xx."""
    seen: set[str]
    """The webhook-ids that a receiver saw at all."""
    audited: Counter[str]
    waiting: Counter[str] = field(default_factory=Counter)
    """What is still to be done or was given up, by a name: must be empty."""
    broken_seals: str = ""


@dataclass(slots=True)
class Findings:
    """The sums of the table, and each problem in words."""

    expected: int = 0
    found: int = 0
    twice: int = 0
    lost: int = 0
    wrong: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether everything was as it should be."""
        return not (self.twice or self.lost or self.wrong) and self.expected == self.found

    def note_twice(self, what: str, times: int = 1) -> None:
        """Something happened `times` more often than it should."""
        self.twice += times
        self.problems.append(f"twice: {what}")

    def note_lost(self, what: str, times: int = 1) -> None:
        """Something that should have happened did not."""
        self.lost += times
        self.problems.append(f"lost: {what}")

    def note_wrong(self, what: str) -> None:
        """Something is neither lost nor doubled, and yet not as it should be."""
        self.wrong += 1
        self.problems.append(f"wrong: {what}")


def check(sent: Sequence[SentEvent], record: Record, rules: Sequence[Rule]) -> Findings:
    """Compares everything with everything."""
    findings = Findings()
    by_id = _check_events(sent, record, findings)
    fired = _check_firings(sent, record, rules, findings)
    bounds = _Bounds(record.events)
    for rule in rules:
        if rule.cooldown_ms:
            _check_cooldown(rule, sent, by_id, fired, bounds, findings)
        else:
            _check_each(rule, sent, by_id, fired, findings)
    _check_order(sent, by_id, findings)
    _check_counts(rules, record, fired, sent, by_id, findings)
    _check_rows(rules, record, findings)
    _check_webhooks(rules, record, findings)
    _check_times("an audit entry", (firing.firing_id for firing in record.firings), record.audited, findings)
    for name, count in sorted(record.waiting.items()):
        findings.note_lost(f"{count} {name}", count)
    if record.broken_seals:
        findings.note_wrong(record.broken_seals)
    return findings


_Fired = Mapping[tuple[str, str], StoredFiring]


class _Bounds:
    """When an event's decisions can't have been made before: a lane's batches follow each other."""

    def __init__(self, events: Iterable[StoredEvent]) -> None:
        moments: dict[int, set[datetime]] = defaultdict(set)
        for event in events:
            if event.processed_at is not None:
                moments[event.lane].add(event.processed_at)
        self._moments = {lane: sorted(found) for lane, found in moments.items()}

    def not_before(self, event: StoredEvent) -> datetime:
        """After it was received, and after the lane's batch before its own."""
        if event.processed_at is None:
            return event.received_at
        moments = self._moments[event.lane]
        index = bisect_left(moments, event.processed_at)
        return max(event.received_at, moments[index - 1]) if index else event.received_at


def _check_events(sent: Sequence[SentEvent], record: Record, findings: Findings) -> dict[str, StoredEvent]:
    by_id: dict[str, StoredEvent] = {}
    for event in record.events:
        if event.event_id in by_id:
            findings.note_twice(f"the event {event.event_id} is stored")
        by_id[event.event_id] = event
    known = {event.event_id for event in sent}
    for event_id in sorted(by_id.keys() - known):
        findings.note_wrong(f"nobody sent the event {event_id}")
    for one in sent:
        found = by_id.get(one.event_id)
        if found is None:
            findings.note_lost(f"the event {one.event_id}, which was accepted")
        elif found.status != "processed":
            findings.note_lost(f"the event {one.event_id} is {found.status}")
        elif found.attempts:
            findings.note_wrong(
                f"the event {one.event_id} was set aside {found.attempts} times, as if it were to blame"
            )
    return by_id


def _check_firings(
    sent: Sequence[SentEvent], record: Record, rules: Sequence[Rule], findings: Findings
) -> dict[tuple[str, str], StoredFiring]:
    flags = {event.event_id: event.flags for event in sent}
    by_trigger = {rule.trigger_id: rule for rule in rules}
    fired: dict[tuple[str, str], StoredFiring] = {}
    for firing in record.firings:
        key = (firing.event_id, firing.trigger_id)
        findings.found += 1
        if key in fired:
            findings.note_twice(f"{firing.trigger_id} fired for {firing.event_id}")
            continue
        fired[key] = firing
        rule = by_trigger[firing.trigger_id]
        if firing.event_id not in flags or (rule.flag and rule.flag not in flags[firing.event_id]):
            findings.note_twice(f"{firing.trigger_id} fired for {firing.event_id}, which gave no reason to")
        if firing.outcome not in {"succeeded", "queued"}:
            findings.note_lost(f"{firing.trigger_id} for {firing.event_id}: its action {firing.outcome}")
    return fired


def _wanted(rule: Rule, sent: Sequence[SentEvent], by_id: Mapping[str, StoredEvent]) -> list[SentEvent]:
    return [one for one in sent if (rule.flag is None or rule.flag in one.flags) and one.event_id in by_id]


def _check_each(
    rule: Rule, sent: Sequence[SentEvent], by_id: Mapping[str, StoredEvent], fired: _Fired, findings: Findings
) -> None:
    for one in _wanted(rule, sent, by_id):
        findings.expected += 1
        firing = fired.get((one.event_id, rule.trigger_id))
        line = by_id[one.event_id].decisions.get(rule.trigger_id, {})
        if firing is None:
            findings.note_lost(f"{rule.trigger_id} for {one.event_id}; the ledger says {line.get('decision')}")
        elif line.get("decision") != "fired" or line.get("firingId") != firing.firing_id:
            findings.note_wrong(f"{rule.trigger_id} fired for {one.event_id}, but its ledger says {dict(line)}")


def _check_cooldown(
    rule: Rule,
    sent: Sequence[SentEvent],
    by_id: Mapping[str, StoredEvent],
    fired: _Fired,
    bounds: _Bounds,
    findings: Findings,
) -> None:
    """Goes through each customer's events in the order in which they were processed."""
    cooldown = timedelta(milliseconds=rule.cooldown_ms)
    last: dict[str, datetime] = {}
    for one in sorted(_wanted(rule, sent, by_id), key=lambda one: by_id[one.event_id].sequence):
        stored = by_id[one.event_id]
        what = f"{rule.trigger_id} for {one.event_id} of {one.customer_id}"
        firing = fired.get((one.event_id, rule.trigger_id))
        line = stored.decisions.get(rule.trigger_id, {})
        before = last.get(one.customer_id)
        if firing is not None:
            last[one.customer_id] = firing.fired_at
            if before is not None and firing.fired_at - before < cooldown:
                seconds = (firing.fired_at - before).total_seconds()
                findings.note_twice(f"{what}, {seconds:.3f} s after the firing before")
            else:
                findings.expected += 1
            if line.get("decision") != "fired" or line.get("firingId") != firing.firing_id:
                findings.note_wrong(f"{what} fired, but its ledger says {dict(line)}")
        elif line.get("decision") != "cooldown":
            findings.expected += 1
            findings.note_lost(f"{what}; the ledger says {line.get('decision')}")
        else:
            until = datetime.fromisoformat(str(line.get("until")))
            if before is None or abs(before + cooldown - until) > _MILLISECOND:
                findings.expected += 1
                findings.note_lost(f"{what}; held back until {until} by a firing that there is not")
            elif bounds.not_before(stored) >= until:
                findings.expected += 1
                findings.note_lost(f"{what}; held back although its cooldown ended at {until}")


def _check_order(sent: Sequence[SentEvent], by_id: Mapping[str, StoredEvent], findings: Findings) -> None:
    """Each customer's events got their places in the order in which they were sent."""
    places: dict[str, int] = defaultdict(int)
    for one in sorted(sent, key=lambda one: (one.customer_id, one.number)):
        if (stored := by_id.get(one.event_id)) is None:
            continue
        if stored.sequence < places[one.customer_id]:
            findings.note_wrong(f"{one.event_id}, event {one.number} of {one.customer_id}, overtook an earlier one")
        places[one.customer_id] = stored.sequence


def _check_counts(
    rules: Sequence[Rule],
    record: Record,
    fired: _Fired,
    sent: Sequence[SentEvent],
    by_id: Mapping[str, StoredEvent],
    findings: Findings,
) -> None:
    """Attributes say how often something was done to them, and in which order."""
    effects = {rule.trigger_id: rule.effect for rule in rules}
    customers = {event.event_id: event.customer_id for event in sent}
    counts: dict[Effect, Counter[str]] = {effect: Counter() for effect in Effect}
    steps: dict[str, list[StoredFiring]] = defaultdict(list)
    for (event_id, trigger_id), firing in fired.items():
        if event_id not in customers or event_id not in by_id:
            continue
        counts[effects[trigger_id]][customers[event_id]] += 1
        if effects[trigger_id] is Effect.COUNTS:
            steps[customers[event_id]].append(firing)
    for customer_id in sorted(set(customers.values())):
        attributes = record.attributes.get(customer_id, {})
        for effect, name, unit in (
            (Effect.COUNTS, "event_count", 1),
            (Effect.GIVES_BONUS, "bonus", BONUS),
            (Effect.ENROLS, "journeys", 1),
        ):
            should = counts[effect][customer_id] * unit
            _compare(f"{name} of {customer_id}", should, attributes.get(name, 0), unit, findings)
        ordered = sorted(steps[customer_id], key=lambda firing: by_id[firing.event_id].sequence)
        after = [_after(firing, "event_count") for firing in ordered]
        if after != list(range(1, len(ordered) + 1)):
            findings.note_wrong(f"the events of {customer_id} were not handled in their order: {after}")
    newest: dict[str, int] = {}
    for one in sent:
        newest[one.customer_id] = max(newest.get(one.customer_id, 0), one.number)
    for customer_id, number in sorted(newest.items()):
        if (last := record.attributes.get(customer_id, {}).get("last_number")) != number:
            findings.note_wrong(f"the last event of {customer_id} is number {number}, its record says {last}")


def _after(firing: StoredFiring, name: str) -> Any:
    changed: Mapping[str, Mapping[str, Any]] = firing.detail.get("changed", {})
    return changed.get(name, {}).get("after")


def _compare(what: str, should: int, found: Any, unit: int, findings: Findings) -> None:
    if not isinstance(found, int):
        findings.note_lost(f"{what} is {found!r}, and should be {should}")
    elif found > should:
        findings.note_twice(f"{what} is {found}, and should be {should}", -(-(found - should) // unit))
    elif found < should:
        findings.note_lost(f"{what} is {found}, and should be {should}", -(-(should - found) // unit))


def _check_rows(rules: Sequence[Rule], record: Record, findings: Findings) -> None:
    """One row of each kind for each firing that makes such rows, and no other."""
    made: dict[Effect, list[str]] = {effect: [] for effect in Effect}
    effects = {rule.trigger_id: rule.effect for rule in rules}
    for firing in record.firings:
        made[effects[firing.trigger_id]].append(firing.firing_id)
    changed = made[Effect.COUNTS] + made[Effect.GIVES_BONUS]
    for what, firings, rows in (
        ("the event customer.updated", changed, record.updates),
        ("an enrolment", made[Effect.ENROLS], record.enrolments),
        ("a completed enrolment", made[Effect.ENROLS], record.enrolments_completed),
        ("a recommendation", made[Effect.RECOMMENDS], record.recommendations),
        ("a message", made[Effect.RECOMMENDS], record.messages),
        ("a delivery", made[Effect.SENDS], record.deliveries),
    ):
        _check_times(what, firings, rows, findings)


def _check_times(what: str, firings: Iterable[str], rows: Counter[str], findings: Findings) -> None:
    """Exactly one of `rows` for each of `firings`."""
    known = set(firings)
    for firing_id in known:
        if rows[firing_id] == 0:
            findings.note_lost(f"{what} of the firing {firing_id}")
    for firing_id, times in rows.items():
        if firing_id not in known:
            findings.note_twice(f"{what} of the firing {firing_id}, which there is not", times)
        elif times > 1:
            findings.note_twice(f"{what} of the firing {firing_id}, {times} times", times - 1)


def _check_webhooks(rules: Sequence[Rule], record: Record, findings: Findings) -> None:
    """Each one arrived, or lies in the dead letter; and none arrived that nothing stands behind."""
    effects = {rule.trigger_id: rule.effect for rule in rules}
    sends = {firing.firing_id for firing in record.firings if effects[firing.trigger_id] is Effect.SENDS}
    for firing_id in sorted(record.delivered - record.answered):
        findings.note_lost(f"the webhook {firing_id} counts as delivered, and no receiver said yes to it")
    for firing_id in sorted(sends & record.deliveries.keys() - record.delivered - record.dead):
        findings.note_lost(f"the webhook {firing_id} is neither delivered nor in the dead letter")
    for firing_id in sorted(record.seen - sends):
        findings.note_twice(f"a receiver got the webhook {firing_id}, and no firing stands behind it")
