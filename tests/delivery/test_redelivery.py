"""Sending again what has ended."""

from datetime import timedelta

import pytest

from audit.models import Entry
from kaireon.core import clock
from kaireon.core.errors import Conflict
from kaireon.delivery.claims import claim
from kaireon.delivery.gates import cancel
from kaireon.delivery.models import Attempt, Delivery, Status
from kaireon.delivery.redelivery import redeliver
from kaireon.delivery.sender import send_due
from tests.delivery.conftest import Enqueue, Send
from tests.delivery.receiver import Receiver


def test_a_dead_delivery_is_sent_again_under_its_ids_with_a_fresh_schedule(receiver: Receiver, send_one: Send) -> None:
    receiver.answer(404, 500, 200)
    dead = send_one()
    now = clock.now()
    again = redeliver(delivery=dead, now=now)
    assert (again.status, again.reason, again.retries, again.next_attempt_at) == (Status.PENDING, "", 0, now)

    send_due(run_seconds=10)
    again.refresh_from_db()
    assert (again.status, again.retries) == (Status.PENDING, 1)
    Delivery.objects.update(next_attempt_at=clock.now())
    send_due(run_seconds=10)
    again.refresh_from_db()
    assert again.status == Status.DELIVERED
    assert list(Attempt.objects.values_list("number", "response_status", "manual")) == [
        (1, 404, False),
        (2, 500, True),
        (3, 200, False),
    ]
    assert [received.headers["webhook-id"] for received in receiver.received] == ["fir_1"] * 3


def test_it_is_audited(receiver: Receiver, send_one: Send) -> None:
    receiver.answer(404)
    dead = send_one()
    redeliver(delivery=dead, now=clock.now())
    entry = Entry.objects.get(action="delivery.redelivered")
    assert (entry.subject, entry.trigger_id, entry.customer_id) == (dead.pk, dead.source_id, "cust_78")
    assert entry.facts == {"firingId": "fir_1", "status": "dead", "attempts": 1}


def test_a_delivered_one_can_be_sent_again(receiver: Receiver, send_one: Send) -> None:
    delivery = redeliver(delivery=send_one(), now=clock.now())
    assert delivery.delivered_at is None
    send_due(run_seconds=10)
    assert len(receiver.received) == 2
    assert Delivery.objects.get().status == Status.DELIVERED


def test_a_cancelled_one_can_be_sent_again(receiver: Receiver, enqueue_one: Enqueue) -> None:
    delivery = enqueue_one()
    cancel(source="trigger", source_id=delivery.source_id, reason="The trigger was disabled.")
    redeliver(delivery=delivery, now=clock.now())
    send_due(run_seconds=10)
    assert Delivery.objects.get().status == Status.DELIVERED
    assert Attempt.objects.get().manual is True


@pytest.mark.parametrize("status", [Status.PENDING, Status.HELD])
def test_what_has_not_ended_is_not_sent_twice(enqueue_one: Enqueue, status: Status) -> None:
    delivery = enqueue_one()
    Delivery.objects.update(status=status)
    with pytest.raises(Conflict, match=f"is {status.value}: it is going to be sent anyway"):
        redeliver(delivery=delivery, now=clock.now())
    assert not Entry.objects.filter(action="delivery.redelivered").exists()


def test_what_was_cancelled_on_its_way_has_to_end_first(enqueue_one: Enqueue) -> None:
    delivery = enqueue_one()
    now = clock.now()
    claim(slots=1, per_host=1, busy={}, now=now)
    cancel(source="trigger", source_id=delivery.source_id, reason="The trigger was disabled.")
    with pytest.raises(Conflict, match="is on its way at this moment"):
        redeliver(delivery=delivery, now=now)
    assert redeliver(delivery=delivery, now=now + timedelta(minutes=2)).status == Status.PENDING
