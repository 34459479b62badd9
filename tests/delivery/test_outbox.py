"""Enqueuing: rows in the caller's transaction, and a hint that may fail."""

import socket
import time
from collections.abc import Iterator

import pytest
import redis
from celery import current_app
from django.conf import settings as django_settings
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from kaireon.core.redis import redis_client
from kaireon.delivery import waking
from kaireon.delivery.models import Delivery
from kaireon.delivery.outbox import enqueue
from kaireon.delivery.tasks import send_due_deliveries
from tests.delivery.conftest import Enqueue, enqueue_all
from tests.delivery.receiver import Receiver

QUEUE = "delivery"


@pytest.fixture
def broker() -> Iterator[redis.Redis]:
    """Where Celery's messages go; there are none yet."""
    assert current_app.conf.broker_url == django_settings.REDIS_URL
    waking.clear_hint()
    waking._redis.cache_clear()
    redis_client().delete(QUEUE)
    yield redis_client()
    waking._redis.cache_clear()


def test_ids_are_in_the_order_of_the_messages_and_of_time(receiver: Receiver, db: None) -> None:
    first = enqueue_all([{"firing_id": f"fir_{number}"} for number in range(100)], url=receiver.url)
    second = enqueue_all([{}], url=receiver.url)
    assert [delivery.firing_id for delivery in first] == [f"fir_{number}" for number in range(100)]
    assert first[-1].pk < second[0].pk
    assert all(delivery.pk.startswith("dlv_") and len(delivery.pk) == 30 for delivery in first)


def test_what_is_given_is_stored(receiver: Receiver, enqueue_one: Enqueue) -> None:
    delivery = enqueue_one(customer_id=None, secret_nonce="n", method="PUT")
    assert (delivery.source, delivery.source_id) == ("trigger", "trg_high_value_purchase")
    assert (delivery.firing_id, delivery.event_id, delivery.customer_id) == ("fir_1", "evt_1", None)
    assert (delivery.method, delivery.url, delivery.host) == ("PUT", receiver.url, receiver.host)
    assert (delivery.headers, delivery.body) == ({"X-Shop": "north"}, '{"customerId":"cust_78","amount":750}')
    assert (delivery.status, delivery.attempts, delivery.secret_nonce) == ("pending", 0, "n")
    assert delivery.next_attempt_at == delivery.created_at


def test_many_are_written_in_one_statement(receiver: Receiver, db: None) -> None:
    with CaptureQueriesContext(connection) as captured:
        enqueue_all([{}] * 500, url=receiver.url)
    # The other one is the test's own look at the rows.
    assert len(captured) == 2


def test_nothing_to_enqueue_is_nothing(db: None) -> None:
    assert enqueue([]) == []


def test_a_url_that_will_be_refused_is_stored_all_the_same(enqueue_one: Enqueue) -> None:
    assert enqueue_one(url="ftp://nowhere").host == ""


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_was_never_there(receiver: Receiver, broker: redis.Redis) -> None:
    with transaction.atomic():
        enqueue_all([{}], url=receiver.url)
        transaction.set_rollback(True)
    assert not Delivery.objects.exists()
    assert broker.llen(QUEUE) == 0


@pytest.mark.django_db(transaction=True)
def test_a_worker_is_woken_once_for_all_that_is_enqueued_before_it_comes(
    receiver: Receiver, broker: redis.Redis
) -> None:
    enqueue_all([{}], url=receiver.url)
    enqueue_all([{}], url=receiver.url)
    assert broker.llen(QUEUE) == 1
    send_due_deliveries()
    assert len(receiver.received) == 2
    enqueue_all([{}], url=receiver.url)
    assert broker.llen(QUEUE) == 2


def test_no_one_is_woken_before_the_commit(
    enqueue_one: Enqueue, broker: redis.Redis, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks() as callbacks:
        enqueue_one()
    assert callbacks == [waking.wake]
    assert broker.llen(QUEUE) == 0


def test_without_redis_enqueuing_goes_on_at_once(
    enqueue_one: Enqueue,
    broker: redis.Redis,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    started = time.monotonic()
    with django_capture_on_commit_callbacks(execute=True):
        enqueue_one()
    assert time.monotonic() - started < 2
    assert "Delivery was not woken" in caplog.text
    assert Delivery.objects.count() == 1


def test_a_redis_that_hangs_keeps_nobody_waiting(broker: redis.Redis, settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        settings.REDIS_URL = f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
        started = time.monotonic()
        waking.wake()
        assert time.monotonic() - started < 2


def test_the_task_is_known_by_the_name_that_beat_uses() -> None:
    assert send_due_deliveries.name == "kaireon.delivery.send_due"
    assert current_app.conf.beat_schedule["send deliveries that are due"]["task"] == "kaireon.delivery.send_due"
    assert current_app.amqp.router.route({}, "kaireon.delivery.send_due")["queue"].name == QUEUE
