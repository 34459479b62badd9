"""The checker itself: it passes a drill that went well, and notices each way in which one can go wrong."""

from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.drill.__main__ import Row, longest_standstill_seconds
from tests.drill.checker import Effect, Findings, Record, Rule, SentEvent, StoredEvent, StoredFiring, check
from tests.drill.load import make_events
from tests.drill.scenery import RULES, SHARES

START = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
COOLDOWN_MS = 2500
TEST_RULES = (
    Rule("trg_count", flag=None, cooldown_ms=0, effect=Effect.COUNTS),
    Rule("trg_bonus", flag=None, cooldown_ms=COOLDOWN_MS, effect=Effect.GIVES_BONUS),
    Rule("trg_hook", flag="hook", cooldown_ms=0, effect=Effect.SENDS),
    Rule("trg_journey", flag="journey", cooldown_ms=0, effect=Effect.ENROLS),
    Rule("trg_recommend", flag="recommend", cooldown_ms=0, effect=Effect.RECOMMENDS),
)
ALL_FLAGS = frozenset({"hook", "journey", "recommend"})
SENT = [SentEvent(f"e{number}", "ada", number, ALL_FLAGS if number == 1 else frozenset()) for number in range(1, 5)]
"""Four events of one customer, a second apart."""


def firing_id(event_id: str, trigger_id: str) -> str:
    return f"fir_{event_id}_{trigger_id}"


def good_record() -> Record:
    """What four events leave behind: the bonus is given, held back twice, and given again after three seconds."""
    events, firings = [], []
    for index, event in enumerate(SENT):
        at = START + timedelta(seconds=index)
        fired = ["trg_count"]
        fired += ["trg_bonus"] if index in {0, 3} else []
        fired += ["trg_hook", "trg_journey", "trg_recommend"] if event.flags else []
        decisions: dict[str, dict[str, Any]] = {
            trigger_id: {"decision": "fired", "firingId": firing_id(event.event_id, trigger_id)} for trigger_id in fired
        }
        if index in {1, 2}:
            until = START + timedelta(milliseconds=COOLDOWN_MS)
            decisions["trg_bonus"] = {"decision": "cooldown", "until": until.isoformat()}
        events.append(
            StoredEvent(
                event_id=event.event_id,
                sequence=10 + index,
                lane=3,
                status="processed",
                attempts=0,
                received_at=at,
                processed_at=at + timedelta(milliseconds=50),
                decisions=decisions,
            )
        )
        firings += [
            StoredFiring(
                firing_id=firing_id(event.event_id, trigger_id),
                trigger_id=trigger_id,
                event_id=event.event_id,
                outcome="queued" if trigger_id == "trg_hook" else "succeeded",
                detail={"changed": {"event_count": {"before": index, "after": index + 1}}}
                if trigger_id == "trg_count"
                else {},
                fired_at=at,
            )
            for trigger_id in fired
        ]
    hook, journey, recommend = (firing_id("e1", name) for name in ("trg_hook", "trg_journey", "trg_recommend"))
    changes = [one.firing_id for one in firings if one.trigger_id in {"trg_count", "trg_bonus"}]
    return Record(
        events=events,
        firings=firings,
        attributes={"ada": {"event_count": 4, "bonus": 200, "journeys": 1, "last_number": 4}},
        updates=Counter(changes),
        enrolments=Counter([journey]),
        enrolments_completed=Counter([journey]),
        recommendations=Counter([recommend]),
        messages=Counter([recommend]),
        deliveries=Counter([hook]),
        delivered={hook},
        dead=set(),
        answered={hook},
        seen={hook},
        audited=Counter(one.firing_id for one in firings),
    )


def summary(findings: Findings) -> tuple[int, int, int, int, int]:
    return (findings.expected, findings.found, findings.twice, findings.lost, findings.wrong)


def change_event(record: Record, index: int, **changes: Any) -> None:
    record.events[index] = replace(record.events[index], **changes)


def change_firing(record: Record, trigger_id: str, **changes: Any) -> None:
    index = next(index for index, one in enumerate(record.firings) if one.trigger_id == trigger_id)
    record.firings[index] = replace(record.firings[index], **changes)


def hold_back_for_too_long(record: Record) -> None:
    """The fourth event came after the cooldown, and is held back all the same."""
    until = (START + timedelta(milliseconds=COOLDOWN_MS)).isoformat()
    decisions = {**record.events[3].decisions, "trg_bonus": {"decision": "cooldown", "until": until}}
    change_event(record, 3, decisions=decisions)
    forget_firing(record, "e4", "trg_bonus")
    record.attributes["ada"]["bonus"] = 100


def hold_back_for_nothing(record: Record) -> None:
    """As if the claim of a firing that was rolled back had stayed."""
    until = (START + timedelta(milliseconds=COOLDOWN_MS + 700)).isoformat()
    decisions = {**record.events[2].decisions, "trg_bonus": {"decision": "cooldown", "until": until}}
    change_event(record, 2, decisions=decisions)


def fire_too_early(record: Record) -> None:
    change_event(
        record,
        1,
        decisions={
            **record.events[1].decisions,
            "trg_bonus": {"decision": "fired", "firingId": firing_id("e2", "trg_bonus")},
        },
    )
    early = StoredFiring(
        firing_id=firing_id("e2", "trg_bonus"),
        trigger_id="trg_bonus",
        event_id="e2",
        outcome="succeeded",
        detail={},
        fired_at=START + timedelta(seconds=1),
    )
    record.firings.append(early)
    record.audited[early.firing_id] += 1
    record.updates[early.firing_id] += 1
    record.attributes["ada"]["bonus"] = 300
    # Those that come after are held back by this one now.
    until = (START + timedelta(milliseconds=1000 + COOLDOWN_MS)).isoformat()
    for index in (2, 3):
        decisions = {**record.events[index].decisions, "trg_bonus": {"decision": "cooldown", "until": until}}
        change_event(record, index, decisions=decisions)
    forget_firing(record, "e4", "trg_bonus")
    record.attributes["ada"]["bonus"] = 200


def forget_firing(record: Record, event_id: str, trigger_id: str) -> None:
    """As if it had never been."""
    gone = firing_id(event_id, trigger_id)
    record.firings = [one for one in record.firings if one.firing_id != gone]
    for rows in (record.updates, record.audited):
        del rows[gone]


def fire_twice(record: Record) -> None:
    record.firings.append(deepcopy(record.firings[0]))


def lose_an_event(record: Record) -> None:
    del record.events[3]


def swap_two_steps(record: Record) -> None:
    change_firing(record, "trg_count", detail={"changed": {"event_count": {"before": 1, "after": 2}}})


def let_one_overtake(record: Record) -> None:
    """The second and the third event, both of which the cooldown holds back."""
    change_event(record, 1, sequence=12)
    change_event(record, 2, sequence=11)


def skip_a_firing(record: Record) -> None:
    """With all that would have come of it."""
    forget_firing(record, "e1", "trg_hook")
    record.deliveries.clear()
    for webhooks in (record.delivered, record.answered, record.seen):
        webhooks.clear()


def fire_without_reason(record: Record) -> None:
    """The second event does not ask for the webhook."""
    added = firing_id("e2", "trg_hook")
    hook = next(one for one in record.firings if one.trigger_id == "trg_hook")
    record.firings.append(replace(hook, firing_id=added, event_id="e2"))
    for rows in (record.deliveries, record.audited):
        rows[added] += 1
    for webhooks in (record.delivered, record.answered, record.seen):
        webhooks.add(added)


def write_into_ledger(index: int, trigger_id: str, **line: str) -> Callable[[Record], None]:
    def change(record: Record) -> None:
        change_event(record, index, decisions={**record.events[index].decisions, trigger_id: line})

    return change


def store_what_nobody_sent(record: Record) -> None:
    record.events.append(replace(record.events[0], event_id="e9", sequence=1))


def enrol_twice(record: Record) -> None:
    record.enrolments[firing_id("e1", "trg_journey")] += 1


def leave_a_recommendation(record: Record) -> None:
    record.recommendations["fir_of_nothing"] += 1


def spoil(**attributes: Any) -> Callable[[Record], None]:
    return lambda record: record.attributes["ada"].update(attributes)


HOOK = firing_id("e1", "trg_hook")


@pytest.mark.parametrize(
    ("spoil_record", "twice", "lost", "wrong"),
    [
        pytest.param(fire_twice, 1, 0, 0, id="a firing twice"),
        pytest.param(fire_too_early, 1, 0, 0, id="two firings within a cooldown"),
        pytest.param(spoil(event_count=6), 2, 0, 0, id="an attribute changed two times too often"),
        pytest.param(spoil(bonus=300), 1, 0, 0, id="a bonus given twice"),
        pytest.param(enrol_twice, 1, 0, 0, id="an enrolment twice"),
        pytest.param(
            lambda record: record.messages.update([firing_id("e1", "trg_recommend")]), 1, 0, 0, id="a message twice"
        ),
        pytest.param(leave_a_recommendation, 1, 0, 0, id="a recommendation of a firing that was rolled back"),
        pytest.param(lambda record: record.deliveries.update([HOOK]), 1, 0, 0, id="a delivery twice"),
        pytest.param(lambda record: record.seen.add("fir_of_nothing"), 1, 0, 0, id="a webhook of nothing"),
        pytest.param(lambda record: record.audited.update([HOOK]), 1, 0, 0, id="an audit entry twice"),
        pytest.param(
            lambda record: record.updates.update([firing_id("e1", "trg_count")]), 1, 0, 0, id="an event twice"
        ),
        pytest.param(fire_without_reason, 1, 0, 0, id="a firing without a reason"),
        pytest.param(lambda record: record.events.append(record.events[0]), 1, 0, 0, id="an event stored twice"),
        pytest.param(skip_a_firing, 0, 1, 0, id="a firing missing"),
        pytest.param(
            write_into_ledger(1, "trg_bonus", decision="condition_false"), 0, 1, 0, id="a condition that did hold"
        ),
        pytest.param(
            write_into_ledger(0, "trg_count", decision="cooldown"), 0, 0, 1, id="a ledger that says otherwise"
        ),
        pytest.param(
            write_into_ledger(0, "trg_bonus", decision="fired", firingId="fir_x"),
            0,
            0,
            1,
            id="a ledger of another firing",
        ),
        pytest.param(store_what_nobody_sent, 0, 0, 1, id="an event that nobody sent"),
        pytest.param(hold_back_for_nothing, 0, 1, 0, id="held back by nothing"),
        pytest.param(spoil(event_count=3), 0, 1, 0, id="an attribute not changed"),
        pytest.param(spoil(journeys=0), 0, 1, 0, id="a journey's step not taken"),
        pytest.param(lambda record: record.audited.pop(HOOK), 0, 1, 0, id="an audit entry missing"),
        pytest.param(lambda record: record.enrolments_completed.clear(), 0, 1, 0, id="a journey not ended"),
        pytest.param(lambda record: record.messages.clear(), 0, 1, 0, id="a message missing"),
        pytest.param(lambda record: record.answered.clear(), 0, 1, 0, id="a webhook that nobody got"),
        pytest.param(lambda record: record.delivered.clear(), 0, 1, 0, id="a webhook that is nowhere"),
        pytest.param(lambda record: change_event(record, 2, status="failed"), 0, 1, 0, id="an event given up"),
        pytest.param(
            lambda record: change_firing(record, "trg_hook", outcome="failed"), 0, 1, 0, id="an action failed"
        ),
        pytest.param(lambda record: record.waiting.update({"events wait": 7}), 0, 7, 0, id="work left"),
        pytest.param(swap_two_steps, 0, 0, 1, id="events of a customer in another order"),
        pytest.param(let_one_overtake, 0, 0, 2, id="an event overtook another"),
        pytest.param(lambda record: change_event(record, 2, attempts=1), 0, 0, 1, id="an event set aside"),
        pytest.param(spoil(last_number=3), 0, 0, 1, id="the last event did not come last"),
        pytest.param(lambda record: setattr(record, "broken_seals", "broken"), 0, 0, 1, id="a broken seal"),
    ],
)
def test_each_kind_of_harm_is_noticed_and_called_by_its_name(
    spoil_record: Callable[[Record], Any], twice: int, lost: int, wrong: int
) -> None:
    record = good_record()
    spoil_record(record)
    findings = check(SENT, record, TEST_RULES)
    assert (findings.twice, findings.lost, findings.wrong) == (twice, lost, wrong), findings.problems
    assert not findings.is_clean


def test_a_drill_that_went_well_is_clean() -> None:
    findings = check(SENT, good_record(), TEST_RULES)
    assert findings.problems == []
    assert summary(findings) == (9, 9, 0, 0, 0)
    assert findings.is_clean


def test_a_webhook_in_the_dead_letter_is_not_lost() -> None:
    record = good_record()
    record.delivered.clear()
    record.answered.clear()
    record.dead.add(HOOK)
    assert check(SENT, record, TEST_RULES).is_clean


def test_an_event_that_was_accepted_and_is_not_there_is_lost() -> None:
    record = good_record()
    lose_an_event(record)
    problems = check(SENT, record, TEST_RULES).problems
    assert "lost: the event e4, which was accepted" in problems


def test_a_firing_that_should_have_been_is_expected_and_lost() -> None:
    record = good_record()
    hold_back_for_too_long(record)
    findings = check(SENT, record, TEST_RULES)
    assert summary(findings) == (9, 8, 0, 1, 0)
    assert findings.problems == [
        "lost: trg_bonus for e4 of ada; held back although its cooldown ended at 2026-03-10 12:00:02.500000+00:00"
    ]


def test_what_waited_in_its_lane_for_longer_than_a_cooldown_has_to_fire() -> None:
    """It came in during the cooldown; but the batch before its own was done after the cooldown had ended."""
    record = good_record()
    change_event(record, 2, processed_at=START + timedelta(seconds=3.2))
    before = replace(
        record.events[2],
        event_id="e0",
        sequence=1,
        processed_at=START + timedelta(seconds=2.9),
        decisions={"trg_count": {"decision": "fired"}},
    )
    record.events.append(before)
    assert [problem for problem in check(SENT, record, TEST_RULES).problems if "trg_bonus" in problem] == [
        "lost: trg_bonus for e3 of ada; held back although its cooldown ended at 2026-03-10 12:00:02.500000+00:00"
    ]


def test_the_control_is_good_only_where_both_kinds_of_harm_were_noticed() -> None:
    findings = Findings()
    row = Row("control", 1, findings, must_be_found=True, standstill_s=0.0, done_s=0.0)
    assert not row.is_good
    findings.note_lost("something")
    assert not row.is_good
    findings.note_twice("something")
    assert row.is_good


def test_a_row_whose_work_never_came_back_is_not_good() -> None:
    assert Row("fault", 1, Findings(), standstill_s=1.0, done_s=1.0).is_good
    assert not Row("fault", 1, Findings(), standstill_s=None, done_s=1.0).is_good
    assert not Row("fault", 1, Findings(), standstill_s=1.0, done_s=None).is_good


@pytest.mark.parametrize(
    ("moments", "seconds"),
    [([], None), ([4], 4), ([1, 2, 5, 6], 3), ([1, 9, 30], 8)],
    ids=["never again", "once", "the longest counts", "what begins after the load does not"],
)
def test_a_standstill_is_the_longest_time_without_any_work_done(moments: list[int], seconds: float | None) -> None:
    found = longest_standstill_seconds(
        [START + timedelta(seconds=moment) for moment in moments], since=START, until=START + timedelta(seconds=8)
    )
    assert found == seconds


def test_the_same_events_are_made_each_time_and_each_customers_are_numbered() -> None:
    events = make_events(400, customers=40)
    assert events == make_events(400, customers=40)
    assert len({event.event_id for event in events}) == 400
    by_customer: dict[str, list[int]] = {}
    for event in events:
        by_customer.setdefault(event.customer_id, []).append(event.number)
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in by_customer.values())
    assert {flag for event in events for flag in event.flags} == SHARES.keys() == {rule.flag for rule in RULES} - {None}
