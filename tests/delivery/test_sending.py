"""From a row to a signed request, and back to a row."""

import re
from datetime import timedelta

import pytest
from pytest_django import Settings
from standardwebhooks import WebhookVerificationError

from audit.models import Entry
from kaireon.core import clock
from kaireon.delivery import sender
from kaireon.delivery.models import Attempt, Delivery, Status
from kaireon.delivery.sender import send_due
from kaireon.secrets import signing
from kaireon.secrets.encryption import VaultUnusable
from tests.delivery.conftest import Enqueue, Send, enqueue_all
from tests.delivery.receiver import Answer, Receiver


def test_a_delivery_arrives_signed_and_is_recorded(receiver: Receiver, send_one: Send) -> None:
    receiver.answer(Answer(status=202, body=b"thanks"))
    before = clock.now()
    delivery = send_one()
    [received] = receiver.received
    assert received.method == "POST"
    assert received.path == "/hook"
    assert received.body == b'{"customerId":"cust_78","amount":750}'
    assert received.headers["content-type"] == "application/json"
    assert received.headers["user-agent"] == "Kaireon-Triggers/1"
    assert received.headers["webhook-id"] == "fir_1"
    assert received.headers["x-shop"] == "north"
    secret = signing.current(now=clock.now()).secret
    assert received.verify(secret) == {"customerId": "cust_78", "amount": 750}

    assert delivery.status == Status.DELIVERED
    assert delivery.attempts == 1
    assert delivery.last_status == 202
    assert delivery.last_error == ""
    assert delivery.reason == ""
    assert delivery.next_attempt_at is None
    assert delivery.leased_until is None
    assert delivery.delivered_at is not None
    assert before <= delivery.delivered_at <= clock.now()
    [attempt] = Attempt.objects.all()
    assert (attempt.delivery_id, attempt.number, attempt.response_status) == (delivery.pk, 1, 202)
    assert (attempt.response_excerpt, attempt.error, attempt.manual) == ("thanks", "", False)
    assert before <= attempt.started_at <= delivery.delivered_at
    assert attempt.duration_ms > 0


def test_a_signature_does_not_fit_another_body_or_secret(receiver: Receiver, send_one: Send) -> None:
    send_one()
    [received] = receiver.received
    with pytest.raises(WebhookVerificationError):
        received.verify("whsec_" + "A" * 43 + "=")


def test_users_headers_do_not_replace_ours(receiver: Receiver, send_one: Send) -> None:
    send_one(headers={"Content-Type": "application/json; charset=utf-8"})
    assert receiver.received[0].headers["content-type"] == "application/json"


def test_keys_keep_their_order_and_numbers_their_value(receiver: Receiver, send_one: Send) -> None:
    body = {"z": 1, "a": [1.5, 12345678901234567890, None, True, "ü\u2028"], "m": {"b": 1, "a": 2}}
    send_one(body=body)
    assert receiver.received[0].body == (
        '{"z":1,"a":[1.5,12345678901234567890,null,true,"ü\u2028"],"m":{"b":1,"a":2}}'.encode()
    )


def test_a_body_may_be_any_json_value(receiver: Receiver, send_one: Send) -> None:
    send_one(body="just text")
    assert receiver.received[0].body == b'"just text"'


def test_after_a_rotation_both_secrets_sign_for_a_day(receiver: Receiver, send_one: Send) -> None:
    old = signing.current(now=clock.now()).secret
    new = signing.rotate(now=clock.now()).secret
    send_one()
    [received] = receiver.received
    assert re.fullmatch(r"v1,[A-Za-z0-9+/]{43}= v1,[A-Za-z0-9+/]{43}=", received.headers["webhook-signature"])
    assert received.verify(new) == received.verify(old) == {"customerId": "cust_78", "amount": 750}


@pytest.mark.parametrize("status", [400, 401, 404, 410, 422, 301, 304, 308])
def test_a_final_answer_ends_it_and_is_audited(receiver: Receiver, send_one: Send, status: int) -> None:
    receiver.answer(Answer(status=status))
    delivery = send_one()
    assert delivery.status == Status.DEAD
    assert delivery.last_status == status
    assert delivery.reason == delivery.last_error != ""
    assert delivery.next_attempt_at is None
    entry = Entry.objects.get(action="delivery.dead")
    assert (entry.subject, entry.trigger_id) == (delivery.pk, "trg_high_value_purchase")
    assert (entry.customer_id, entry.event_id, entry.actor) == ("cust_78", "evt_1", "system")
    assert entry.facts == {
        "firingId": "fir_1",
        "status": status,
        "attempts": 1,
        "lastError": delivery.last_error,
        "reason": delivery.reason,
    }


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 599])
def test_a_passing_trouble_is_waited_out(receiver: Receiver, send_one: Send, status: int) -> None:
    receiver.answer(Answer(status=status))
    before = clock.now()
    delivery = send_one()
    assert delivery.status == Status.PENDING
    assert delivery.last_error == f"The receiver answered {status}."
    assert delivery.retries == 1
    assert delivery.next_attempt_at is not None
    wait = delivery.next_attempt_at - before
    assert timedelta(seconds=5) <= wait <= timedelta(seconds=6.5)
    assert not Entry.objects.filter(action="delivery.dead").exists()


def test_a_reset_connection_is_waited_out(receiver: Receiver, send_one: Send) -> None:
    receiver.answer(Answer(resets=True))
    delivery = send_one()
    assert delivery.status == Status.PENDING
    assert delivery.last_status is None
    [attempt] = Attempt.objects.all()
    assert attempt.response_status is None
    assert attempt.error == delivery.last_error == "The receiver closed the connection before it had answered."


def test_retry_after_is_honoured(receiver: Receiver, send_one: Send) -> None:
    receiver.answer(Answer(status=503, headers={"Retry-After": "600"}))
    before = clock.now()
    delivery = send_one()
    assert delivery.next_attempt_at is not None
    assert timedelta(seconds=600) <= delivery.next_attempt_at - before <= timedelta(seconds=670)


def test_the_second_attempt_succeeds_under_the_same_id(receiver: Receiver, send_one: Send, settings: Settings) -> None:
    settings.DELIVERY_RETRY_SECONDS = [0, 0]
    receiver.answer(500, Answer(resets=True), 200)
    delivery = send_one()
    assert delivery.status == Status.DELIVERED
    assert delivery.attempts == 3
    assert delivery.last_error == ""
    assert [received.headers["webhook-id"] for received in receiver.received] == ["fir_1"] * 3
    assert list(Attempt.objects.values_list("number", "response_status")) == [(1, 500), (2, None), (3, 200)]


def test_after_the_last_retry_it_is_given_up_and_audited(
    receiver: Receiver, send_one: Send, settings: Settings
) -> None:
    settings.DELIVERY_RETRY_SECONDS = [0, 0, 0]
    receiver.answer(then=503)
    delivery = send_one()
    assert len(receiver.received) == 4
    assert delivery.status == Status.DEAD
    assert delivery.last_error == "The receiver answered 503."
    assert delivery.reason == "Given up after 4 attempts. The receiver answered 503."
    entry = Entry.objects.get(action="delivery.dead")
    assert entry.facts["attempts"] == 4
    assert entry.facts["status"] == 503


def test_a_refused_address_is_final_and_names_rule_and_setting(send_one: Send, settings: Settings) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = []
    delivery = send_one()
    assert delivery.status == Status.DEAD
    assert "127.0.0.0/8 (loopback)" in delivery.last_error
    assert "KAIREON_WEBHOOK_ALLOWED_NETWORKS" in delivery.last_error
    assert Attempt.objects.get().error == delivery.last_error


@pytest.mark.parametrize("url", ["no url", "ftp://example.com/", "https://user:pw@example.com/", ""])
def test_a_malformed_url_is_final(send_one: Send, url: str) -> None:
    assert send_one(url=url).status == Status.DEAD


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\rb"])
def test_a_line_break_that_a_rendered_value_brings_into_a_header_is_final(
    receiver: Receiver, send_one: Send, value: str
) -> None:
    delivery = send_one(headers={"X-Name": value})
    assert delivery.status == Status.DEAD
    assert delivery.reason == "The header X-Name must not contain line breaks or other control characters."
    assert receiver.received == []


def test_of_a_long_answer_the_first_kibibyte_is_kept(receiver: Receiver, send_one: Send) -> None:
    receiver.answer(Answer(body=b"x" * 1_000_000))
    send_one()
    assert Attempt.objects.get().response_excerpt == "x" * 1024


def test_an_answer_that_is_no_text_is_kept_as_far_as_it_goes(receiver: Receiver, send_one: Send) -> None:
    receiver.answer(Answer(body=b"a\x00b\xff\xfec"))
    send_one()
    assert Attempt.objects.get().response_excerpt == "ab\ufffd\ufffdc"


def test_nothing_is_sent_before_its_time(receiver: Receiver, enqueue_one: Enqueue) -> None:
    delivery = enqueue_one()
    Delivery.objects.update(next_attempt_at=clock.now() + timedelta(minutes=1))
    assert send_due(run_seconds=10) is False
    assert receiver.received == []
    delivery.refresh_from_db()
    assert delivery.attempts == 0


def test_deliveries_are_begun_in_the_order_they_were_given(receiver: Receiver, settings: Settings, db: None) -> None:
    settings.DELIVERY_CONCURRENCY = 1
    enqueue_all([{"firing_id": f"fir_{number}"} for number in range(20)], url=receiver.url)
    send_due(run_seconds=10)
    assert [received.headers["webhook-id"] for received in receiver.received] == [f"fir_{n}" for n in range(20)]


def test_after_its_time_a_sender_begins_nothing_and_says_so(receiver: Receiver, enqueue_one: Enqueue) -> None:
    enqueue_one()
    assert send_due(run_seconds=0) is True
    assert receiver.received == []


def test_where_nothing_can_be_signed_everything_waits(
    receiver: Receiver, enqueue_one: Enqueue, settings: Settings
) -> None:
    keys = settings.SECRETS_KEYS
    delivery = enqueue_one()
    settings.SECRETS_KEYS = []
    with pytest.raises(VaultUnusable, match="KAIREON_SECRETS_KEYS"):
        send_due(run_seconds=10)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempts, delivery.leased_until) == (Status.PENDING, 0, None)
    settings.SECRETS_KEYS = keys
    send_due(run_seconds=10)
    delivery.refresh_from_db()
    assert delivery.status == Status.DELIVERED


def test_a_bug_in_one_message_is_logged_without_its_words_and_waits(
    receiver: Receiver, send_one: Send, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def buggy(**_: object) -> None:
        raise RuntimeError("".join(["s3", "cret"]))

    monkeypatch.setattr(sender, "send", buggy)
    delivery = send_one()
    assert delivery.status == Status.PENDING
    assert delivery.last_error == "Sending failed on our side; the log has the details."
    assert "Sending crashed" in caplog.text
    assert "s3cret" not in caplog.text
    assert "s3cret" not in str([vars(record) for record in caplog.records])
