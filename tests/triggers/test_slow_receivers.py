"""Whatever receivers do, what happens here goes on: delivery has a queue, a worker and rows of its own."""

import threading
from collections.abc import Callable

import pytest
from django.db import connection, connections
from pytest_django import Settings

from kaireon.core import clock
from kaireon.delivery.models import Circuit, Delivery, Status
from kaireon.delivery.sender import send_due
from kaireon.secrets import signing
from tests.delivery.receiver import Answer, Receiver
from tests.triggers.fixtures import Send, decisions
from triggers.models import Firing, Trigger


@pytest.mark.django_db(transaction=True)
def test_local_actions_are_done_while_every_slot_hangs_at_a_receiver(
    receiver: Receiver,
    settings: Settings,
    make_trigger: Callable[..., Trigger],
    make_customer: Callable[..., None],
    send: Send,
) -> None:
    settings.DELIVERY_CONCURRENCY = 4
    settings.DELIVERY_TOTAL_SECONDS = 8
    signing.current(now=clock.now())
    receiver.answer(then=Answer(hangs=True))
    make_customer("cust_78")
    counts = make_trigger()
    calls = make_trigger(actionType="webhook", actionConfig={"url": receiver.url, "method": "POST"})
    for _ in range(6):
        send()

    def run() -> None:
        try:
            send_due(run_seconds=1)
        finally:
            connections.close_all()

    sender = threading.Thread(target=run)
    sender.start()
    receiver.wait_for(2)  # half of the slots: both hang
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '3s'")
    try:
        for _ in range(3):
            assert decisions(send()) == {counts.pk: "fired", calls.pk: "fired"}
        assert sender.is_alive()
        assert Delivery.objects.filter(leased_until__isnull=False).count() == 2
        assert Firing.objects.filter(trigger_id=counts.pk, outcome="succeeded").count() == 9
        # The webhooks of these events wait in their order, behind the others.
        assert Delivery.objects.filter(status=Status.PENDING).count() == 9
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")
        receiver.close()
        sender.join(20)


def test_an_open_circuit_holds_up_no_local_action_and_no_firing(
    receiver: Receiver, make_trigger: Callable[..., Trigger], make_customer: Callable[..., None], send: Send
) -> None:
    make_customer("cust_78")
    counts = make_trigger()
    calls = make_trigger(actionType="webhook", actionConfig={"url": receiver.url, "method": "POST"})
    now = clock.now()
    Circuit.objects.create(
        host=receiver.host, failures=10, opened_at=now, openings=1, probe_at=now.replace(year=2999), updated_at=now
    )
    assert decisions(send()) == {counts.pk: "fired", calls.pk: "fired"}
    send_due(run_seconds=5)
    assert receiver.received == []
    assert Delivery.objects.get().status == Status.PENDING
    assert set(Firing.objects.values_list("trigger_id", "outcome")) == {(counts.pk, "succeeded"), (calls.pk, "queued")}
