"""Cooldowns on the real Redis: exact limits, edits, a Redis that comes back empty, and races."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from redis import RedisError

from kaireon.core import clock
from kaireon.core.errors import ServiceUnavailable
from kaireon.core.redis import redis_client
from kaireon.events.lanes import lane_of
from tests.factories import FiringFactory
from tests.triggers.fixtures import Send, decisions
from triggers.engine import cooldown
from triggers.engine.cooldown import Claim, CoolingDown, Granted
from triggers.lifecycle import update_trigger
from triggers.models import Firing, Trigger

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
MakeTrigger = Callable[..., Trigger]
MakeCustomer = Callable[..., None]


def redis_now() -> datetime:
    seconds, microseconds = redis_client().time()
    return datetime.fromtimestamp(seconds, tz=UTC) + timedelta(microseconds=microseconds)


def claim_one(event_id: str, *, cooldown_ms: int = HOUR_MS, customer_id: str = "cust_78") -> cooldown.Answer:
    wish = Claim("trg_t", cooldown_ms, customer_id, event_id)
    (answer,) = cooldown.claim([wish], lane=lane_of(customer_id=customer_id, event_id=event_id))
    return answer


def forget_claim(trigger: Trigger, *, cooldown_ms: int) -> None:
    key = cooldown.claim_key(trigger_id=trigger.pk, cooldown_ms=cooldown_ms, customer_id="cust_78")
    assert redis_client().delete(key) == 1


@pytest.mark.parametrize(
    ("ago_ms", "fires"), [(HOUR_MS - 2_000, False), (HOUR_MS + 1, True), (HOUR_MS * 3, True), (0, False)]
)
def test_it_fires_when_now_minus_last_fired_at_reaches_the_cooldown(db: None, ago_ms: int, fires: bool) -> None:
    fired_at = redis_now() - timedelta(milliseconds=ago_ms)
    FiringFactory.create(fired_at=fired_at)
    answer = claim_one("new")
    if fires:
        assert isinstance(answer, Granted)
    else:
        whole_ms = fired_at.replace(microsecond=fired_at.microsecond // 1000 * 1000)
        assert isinstance(answer, CoolingDown)
        assert abs(answer.until - whole_ms - timedelta(hours=1)) <= timedelta(milliseconds=1)


def test_a_cooldown_that_runs_out_lets_the_next_event_fire(db: None) -> None:
    assert isinstance(claim_one("first", cooldown_ms=50), Granted)
    assert isinstance(claim_one("second", cooldown_ms=50), CoolingDown)
    deadline = redis_now() + timedelta(seconds=5)
    while isinstance(claim_one("third", cooldown_ms=50), CoolingDown):
        assert redis_now() < deadline


def test_the_same_event_finds_its_own_claim_and_keeps_its_moment(db: None) -> None:
    first = claim_one("e-1")
    assert isinstance(first, Granted)
    assert claim_one("e-1") == first
    assert isinstance(claim_one("e-2"), CoolingDown)


def test_a_claim_is_fourteen_bytes_and_a_number_that_redis_keeps_in_eight(db: None) -> None:
    claim_one("e-1")
    key = cooldown.claim_key(trigger_id="trg_t", cooldown_ms=HOUR_MS, customer_id="cust_78")
    assert len(key) == 14
    assert redis_client().object("encoding", key) == b"int"
    assert HOUR_MS - 5_000 < redis_client().pttl(key) <= HOUR_MS


@pytest.mark.parametrize("off_ms", [-4_900, -1, 0, 1, 4_900])
def test_the_moment_is_exact_though_the_expiry_is_not(db: None, off_ms: int) -> None:
    granted = claim_one("e-1")
    assert isinstance(granted, Granted)
    key = cooldown.claim_key(trigger_id="trg_t", cooldown_ms=HOUR_MS, customer_id="cust_78")
    expires_at = granted.fired_at + timedelta(milliseconds=HOUR_MS + off_ms)
    redis_client().pexpireat(key, round(expires_at.timestamp() * 1000))
    assert claim_one("e-2") == CoolingDown(granted.fired_at + timedelta(milliseconds=HOUR_MS))
    assert claim_one("e-1") == granted


def test_customers_and_triggers_do_not_hold_each_other_back(db: None) -> None:
    lane = 0
    claims = [
        Claim("trg_a", HOUR_MS, "cust_1", "e1"),
        Claim("trg_a", HOUR_MS, "cust_2", "e2"),
        Claim("trg_b", HOUR_MS, "cust_1", "e1"),
        Claim("trg_a", HOUR_MS, "cust_1", "e3"),
    ]
    answers = cooldown.claim(claims, lane=lane)
    assert [type(answer) for answer in answers] == [Granted, Granted, Granted, CoolingDown]


def test_a_batch_is_one_call_in_the_order_of_its_events(db: None) -> None:
    claim_one("covers the trigger")
    calls = int(redis_client().info("commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"])
    claims = [Claim("trg_t", HOUR_MS, f"cust_{number % 100}", f"e{number}") for number in range(500)]
    lane = lane_of(customer_id="cust_78", event_id="")
    answers = cooldown.claim(claims, lane=lane)
    assert [isinstance(answer, Granted) for answer in answers[:100]].count(True) == 99  # cust_78 has fired above
    assert not any(isinstance(answer, Granted) for answer in answers[100:])
    assert int(redis_client().info("commandstats")["cmdstat_evalsha"]["calls"]) == calls + 1


def test_redis_flushed_between_two_events_and_the_cooldown_still_holds(
    make_trigger: MakeTrigger, make_customer: MakeCustomer, send: Send
) -> None:
    make_customer("cust_78")
    trigger = make_trigger(cooldownMs=DAY_MS)
    assert decisions(send()) == {trigger.pk: "fired"}
    until = send().decisions[0]["until"]
    redis_client().flushall()
    event = send()
    assert event.decisions == [{"triggerId": trigger.pk, "version": 1, "decision": "cooldown", "until": until}]
    assert Firing.objects.count() == 1


def test_a_redis_that_was_restarted_and_has_lost_the_latest_claims_is_not_believed(
    make_trigger: MakeTrigger, make_customer: MakeCustomer, send: Send
) -> None:
    make_customer("cust_78")
    trigger = make_trigger(cooldownMs=DAY_MS)
    assert decisions(send()) == {trigger.pk: "fired"}
    lane = lane_of(customer_id="cust_78", event_id="")
    redis_client().hset(cooldown.notes_key(lane), "#run", "an earlier run of the server")
    forget_claim(trigger, cooldown_ms=DAY_MS)
    wish = Claim(trigger.pk, DAY_MS, "cust_78", "another")
    assert isinstance(cooldown.peek(wish, lane=lane, now=clock.now()), CoolingDown)
    assert decisions(send()) == {trigger.pk: "cooldown"}


def test_a_rebuild_leaves_a_later_claim_alone(db: None) -> None:
    assert isinstance(claim_one("not committed yet"), Granted)
    FiringFactory.create(fired_at=redis_now() - timedelta(minutes=30))
    redis_client().delete(cooldown.notes_key(lane_of(customer_id="cust_78", event_id="")))
    assert isinstance(claim_one("another"), CoolingDown)
    assert isinstance(claim_one("not committed yet"), Granted)


def test_claims_are_rebuilt_lane_by_lane_with_the_latest_firing_of_each_customer(db: None) -> None:
    now = redis_now()
    for number in range(40):
        customer = f"cust_{number}"
        FiringFactory.create(
            trigger_id="trg_t", fired_at=now - timedelta(hours=5), customer_id=customer, event_id=f"old-{number}"
        )
        FiringFactory.create(
            trigger_id="trg_t", fired_at=now - timedelta(minutes=5), customer_id=customer, event_id=f"new-{number}"
        )
    for number in range(40):
        assert isinstance(claim_one("again", customer_id=f"cust_{number}"), CoolingDown)
    assert isinstance(claim_one("again", customer_id="cust_new"), Granted)


def test_a_longer_cooldown_counts_at_once_even_for_claims_that_have_expired(
    make_trigger: MakeTrigger, make_customer: MakeCustomer, send: Send
) -> None:
    make_customer("cust_78")
    trigger = make_trigger(cooldownMs=HOUR_MS)
    FiringFactory.create(trigger_id=trigger.pk, event_id="earlier", fired_at=clock.now() - timedelta(hours=2))
    assert decisions(send()) == {trigger.pk: "fired"}
    Firing.objects.filter(trigger_id=trigger.pk, event_id="earlier").delete()
    forget_claim(trigger, cooldown_ms=HOUR_MS)  # as if the hour were over
    Firing.objects.update(fired_at=clock.now() - timedelta(hours=2))
    update_trigger(trigger_id=trigger.pk, values={"cooldown_ms": DAY_MS}, now=clock.now())
    assert decisions(send()) == {trigger.pk: "cooldown"}


def test_a_shorter_cooldown_counts_at_once(make_trigger: MakeTrigger, make_customer: MakeCustomer, send: Send) -> None:
    make_customer("cust_78")
    trigger = make_trigger(cooldownMs=DAY_MS)
    FiringFactory.create(trigger_id=trigger.pk, fired_at=redis_now() - timedelta(hours=2))
    assert decisions(send()) == {trigger.pk: "cooldown"}
    update_trigger(trigger_id=trigger.pk, values={"cooldown_ms": HOUR_MS}, now=clock.now())
    assert decisions(send()) == {trigger.pk: "fired"}


def test_longer_again_after_shorter_forgets_nothing(
    make_trigger: MakeTrigger, make_customer: MakeCustomer, send: Send
) -> None:
    make_customer("cust_78")
    trigger = make_trigger(cooldownMs=DAY_MS)
    FiringFactory.create(trigger_id=trigger.pk, fired_at=redis_now() - timedelta(hours=3))
    assert decisions(send()) == {trigger.pk: "cooldown"}
    update_trigger(trigger_id=trigger.pk, values={"cooldown_ms": HOUR_MS}, now=clock.now())
    assert decisions(send(customer_id="cust_78")) == {trigger.pk: "fired"}
    forget_claim(trigger, cooldown_ms=HOUR_MS)  # as if its hour were over
    update_trigger(trigger_id=trigger.pk, values={"cooldown_ms": DAY_MS}, now=clock.now())
    assert decisions(send()) == {trigger.pk: "cooldown"}


def test_a_cooldown_given_to_a_trigger_that_had_none_counts_its_earlier_firings(
    make_trigger: MakeTrigger, make_customer: MakeCustomer, send: Send
) -> None:
    make_customer("cust_78")
    trigger = make_trigger()
    assert decisions(send()) == {trigger.pk: "fired"}
    assert decisions(send()) == {trigger.pk: "fired"}
    update_trigger(trigger_id=trigger.pk, values={"cooldown_ms": DAY_MS}, now=clock.now())
    assert decisions(send()) == {trigger.pk: "cooldown"}


def test_a_cooldown_given_back_counts_the_firings_of_the_time_without_one(
    make_trigger: MakeTrigger, make_customer: MakeCustomer, send: Send
) -> None:
    """They claimed nothing, while the note of the time before says that claims of this very cooldown are complete."""
    make_customer("cust_78")
    trigger = make_trigger(cooldownMs=DAY_MS)
    assert decisions(send(customer_id="cust_78")) == {trigger.pk: "fired"}
    update_trigger(trigger_id=trigger.pk, values={"cooldown_ms": 0}, now=clock.now())
    forget_claim(trigger, cooldown_ms=DAY_MS)  # as if the day were over
    Firing.objects.update(fired_at=clock.now() - timedelta(days=2))
    assert decisions(send()) == {trigger.pk: "fired"}
    update_trigger(trigger_id=trigger.pk, values={"cooldown_ms": DAY_MS}, now=clock.now())
    assert decisions(send()) == {trigger.pk: "cooldown"}


def test_a_trigger_gets_no_cooldown_back_while_redis_is_away(
    make_trigger: MakeTrigger, monkeypatch: pytest.MonkeyPatch
) -> None:
    trigger = make_trigger()

    def away(trigger_id: str) -> None:
        raise RedisError("away")

    monkeypatch.setattr(cooldown, "forget", away)
    with pytest.raises(ServiceUnavailable, match="Redis, which keeps cooldowns"), transaction.atomic():
        update_trigger(trigger_id=trigger.pk, values={"cooldown_ms": DAY_MS}, now=clock.now())
    assert update_trigger(trigger_id=trigger.pk, values={"name": "Other"}, now=clock.now()).version == 2


def test_peek_claims_nothing_and_knows_what_redis_has_forgotten(db: None) -> None:
    wish = Claim("trg_t", HOUR_MS, "cust_78", "e-1")
    lane = lane_of(customer_id="cust_78", event_id="e-1")
    assert isinstance(cooldown.peek(wish, lane=lane, now=clock.now()), Granted)
    assert isinstance(claim_one("e-2"), Granted)
    assert isinstance(cooldown.peek(wish, lane=lane, now=clock.now()), CoolingDown)
    redis_client().flushall()
    FiringFactory.create(fired_at=clock.now())
    assert isinstance(cooldown.peek(wish, lane=lane, now=clock.now()), CoolingDown)
    assert redis_client().dbsize() == 0


def race(action: Callable[[int], Any], *, threads: int = 16) -> list[Any]:
    """Runs `action(number)` in so many threads that all set off at once."""
    barrier = threading.Barrier(threads)
    results: list[Any] = [None] * threads

    def run(number: int) -> None:
        barrier.wait()
        try:
            results[number] = action(number)
        finally:
            connection.close()

    workers = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return results


@pytest.mark.django_db(transaction=True)
def test_control_look_first_and_write_then_lets_several_of_sixteen_threads_fire() -> None:
    """If this one fails, the threads do not meet, and the next test proves nothing."""
    most = 0
    for attempt in range(20):
        key = f"naive:{attempt}"

        def look_then_write(number: int, key: str = key) -> bool:
            if redis_client().get(key) is not None:
                return False
            redis_client().set(key, number)
            return True

        most = max(most, sum(race(look_then_write)))
    assert most > 1


@pytest.mark.django_db(transaction=True)
def test_sixteen_threads_and_one_customer_exactly_one_is_granted() -> None:
    for attempt in range(20):

        def claim(number: int, customer_id: str = f"cust_{attempt}") -> cooldown.Answer:
            return claim_one(f"e{number}", customer_id=customer_id)

        answers = race(claim)
        assert [isinstance(answer, Granted) for answer in answers].count(True) == 1
