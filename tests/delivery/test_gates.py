"""A paused trigger holds what it has queued, a disabled one cancels it, a resumed one lets it go."""

import threading
from collections.abc import Collection, Mapping
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction

from kaireon.core import clock
from kaireon.delivery import gates
from kaireon.delivery.claims import claim
from kaireon.delivery.gates import Verdict, cancel, release
from kaireon.delivery.models import Delivery, Status
from kaireon.delivery.results import Result, record_results
from kaireon.delivery.retries import Verdict as Judgement
from kaireon.delivery.sender import send_due
from kaireon.secrets import signing
from tests.delivery.conftest import Enqueue, Send, enqueue_all
from tests.delivery.receiver import Receiver

TRIGGER = "trg_high_value_purchase"


class Triggers:
    """Stands for the triggers: says of each what the test says."""

    def __init__(self) -> None:
        self.verdicts: dict[str, Verdict] = {TRIGGER: Verdict.SEND}
        self.asked: list[set[str]] = []

    def gate(self, ids: Collection[str]) -> Mapping[str, Verdict]:
        assert connection.in_atomic_block
        self.asked.append(set(ids))
        return self.verdicts


@pytest.fixture
def triggers(_no_gates: None) -> Triggers:
    registered = Triggers()
    gates.register("trigger", registered.gate)
    return registered


def test_the_gate_is_asked_once_for_all_that_is_claimed(receiver: Receiver, triggers: Triggers, db: None) -> None:
    triggers.verdicts["trg_b"] = Verdict.SEND
    enqueue_all([{}, {}, {"source_id": "trg_b"}], url=receiver.url)
    send_due(run_seconds=10)
    assert triggers.asked == [{TRIGGER, "trg_b"}]
    assert len(receiver.received) == 3


def test_a_source_without_a_gate_is_sent(receiver: Receiver, triggers: Triggers, send_one: Send) -> None:
    assert send_one(source="journey").status == Status.DELIVERED


def test_a_paused_trigger_holds_and_a_resumed_one_sends_in_order(
    receiver: Receiver, triggers: Triggers, db: None
) -> None:
    triggers.verdicts[TRIGGER] = Verdict.HOLD
    enqueue_all([{"firing_id": f"fir_{number}"} for number in range(5)], url=receiver.url)
    send_due(run_seconds=10)
    assert receiver.received == []
    for delivery in Delivery.objects.all():
        assert delivery.status == Status.HELD
        assert delivery.reason == "The trigger is paused; this is sent when it is resumed."
        assert (delivery.attempts, delivery.next_attempt_at, delivery.leased_until) == (0, None, None)

    triggers.verdicts[TRIGGER] = Verdict.SEND
    send_due(run_seconds=10)
    assert receiver.received == []
    now = clock.now()
    assert release(source="trigger", source_id="another", now=now) == 0
    assert release(source="trigger", source_id=TRIGGER, now=now) == 5
    assert set(Delivery.objects.values_list("status", "reason", "next_attempt_at")) == {(Status.PENDING, "", now)}
    claimed = claim(slots=10, per_host=10, busy={}, now=now)
    assert [delivery.firing_id for delivery in claimed.deliveries] == [f"fir_{number}" for number in range(5)]


def test_a_disabled_trigger_cancels_at_the_gate(receiver: Receiver, triggers: Triggers, send_one: Send) -> None:
    triggers.verdicts[TRIGGER] = Verdict.CANCEL
    delivery = send_one()
    assert delivery.status == Status.CANCELLED
    assert delivery.reason == "The trigger was disabled or deleted before this was sent."
    assert receiver.received == []


def test_a_trigger_that_the_gate_does_not_know_is_gone(receiver: Receiver, triggers: Triggers, send_one: Send) -> None:
    assert send_one(source_id="trg_deleted").status == Status.CANCELLED
    assert receiver.received == []


def test_one_trigger_s_pause_does_not_hold_another_s(receiver: Receiver, triggers: Triggers, db: None) -> None:
    triggers.verdicts |= {"trg_paused": Verdict.HOLD, "trg_disabled": Verdict.CANCEL}
    enqueue_all([{}, {"source_id": "trg_paused"}, {"source_id": "trg_disabled"}], url=receiver.url)
    send_due(run_seconds=10)
    assert dict(Delivery.objects.values_list("source_id", "status")) == {
        TRIGGER: Status.DELIVERED,
        "trg_paused": Status.HELD,
        "trg_disabled": Status.CANCELLED,
    }


def test_the_gate_is_asked_before_each_retry(receiver: Receiver, triggers: Triggers, send_one: Send) -> None:
    receiver.answer(500)
    assert send_one().status == Status.PENDING
    triggers.verdicts[TRIGGER] = Verdict.CANCEL
    Delivery.objects.update(next_attempt_at=clock.now())
    send_due(run_seconds=10)
    assert Delivery.objects.get().status == Status.CANCELLED
    assert len(receiver.received) == 1


def test_what_was_held_keeps_its_place_in_the_schedule(receiver: Receiver, triggers: Triggers, send_one: Send) -> None:
    receiver.answer(500)
    send_one()
    triggers.verdicts[TRIGGER] = Verdict.HOLD
    Delivery.objects.update(next_attempt_at=clock.now())
    send_due(run_seconds=10)
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.retries, delivery.attempts) == (Status.HELD, 1, 1)


def test_cancelling_takes_what_waits_and_what_is_held_of_that_trigger(
    receiver: Receiver, triggers: Triggers, db: None
) -> None:
    enqueue_all([{}, {}, {}, {"source_id": "trg_b"}, {"source": "journey"}], url=receiver.url)
    ids = list(Delivery.objects.order_by("pk").values_list("pk", flat=True))
    Delivery.objects.filter(pk=ids[1]).update(status=Status.HELD, next_attempt_at=None)
    Delivery.objects.filter(pk=ids[2]).update(status=Status.DELIVERED, next_attempt_at=None)
    assert cancel(source="trigger", source_id=TRIGGER, reason="The trigger was disabled.") == 2
    assert list(Delivery.objects.order_by("pk").values_list("status", "reason")) == [
        (Status.CANCELLED, "The trigger was disabled."),
        (Status.CANCELLED, "The trigger was disabled."),
        (Status.DELIVERED, ""),
        (Status.PENDING, ""),
        (Status.PENDING, ""),
    ]


@pytest.mark.parametrize(
    ("judgement", "status"),
    [
        (Judgement.DELIVERED, Status.DELIVERED),
        (Judgement.RETRY, Status.CANCELLED),
        (Judgement.FINAL, Status.CANCELLED),
    ],
)
def test_one_that_is_cancelled_on_its_way_ends_as_it_arrives_or_as_cancelled(
    enqueue_one: Enqueue, judgement: Judgement, status: Status
) -> None:
    delivery = enqueue_one()
    [claimed] = claim(slots=1, per_host=1, busy={}, now=clock.now()).deliveries
    cancel(source="trigger", source_id=TRIGGER, reason="The trigger was disabled.")
    error = "" if judgement is Judgement.DELIVERED else "No."
    record_results(
        [Result(delivery=claimed, started_at=clock.now(), duration_ms=1, verdict=judgement, error=error, secrets={})],
        now=clock.now(),
    )
    delivery.refresh_from_db()
    assert delivery.status == status
    assert delivery.last_error == error
    assert (delivery.next_attempt_at, delivery.leased_until) == (None, None)


@pytest.mark.django_db(transaction=True)
def test_disabling_a_trigger_while_its_deliveries_are_claimed_does_not_deadlock(
    receiver: Receiver, triggers: Triggers
) -> None:
    """The claim holds the delivery and wants the trigger; whoever disables holds the trigger and wants the delivery."""
    enqueue_all([{}], url=receiver.url)
    signing.current(now=clock.now())
    claim_is_in_the_gate, trigger_is_free = threading.Event(), threading.Event()

    def gate(ids: Collection[str]) -> Mapping[str, Verdict]:
        claim_is_in_the_gate.set()
        # As the lock on the trigger's row would make it wait.
        assert trigger_is_free.wait(10)
        return dict.fromkeys(ids, Verdict.CANCEL)

    gates.register("trigger", gate)

    def run() -> None:
        try:
            send_due(run_seconds=10)
        finally:
            connections.close_all()

    sender = threading.Thread(target=run)
    sender.start()
    assert claim_is_in_the_gate.wait(10)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '3s'")
        assert cancel(source="trigger", source_id=TRIGGER, reason="The trigger was disabled.") == 0
    trigger_is_free.set()
    sender.join(10)
    assert Delivery.objects.get().status == Status.CANCELLED
    assert receiver.received == []


def test_a_released_delivery_is_due_at_once(enqueue_one: Enqueue, triggers: Triggers) -> None:
    enqueue_one()
    Delivery.objects.update(status=Status.HELD, next_attempt_at=None)
    now = clock.now() - timedelta(seconds=1)
    release(source="trigger", source_id=TRIGGER, now=now)
    send_due(run_seconds=10)
    assert Delivery.objects.get().status == Status.DELIVERED
