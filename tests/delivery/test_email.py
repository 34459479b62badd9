"""E-mail from a row to the mail server, and back to a row."""

import re
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core import checks
from django.db import connection
from pytest_django import Settings
from rest_framework.test import APIClient

from audit.models import Entry
from kaireon.core import clock
from kaireon.delivery.claims import claim
from kaireon.delivery.models import Attempt, Delivery, Status
from kaireon.delivery.outbox import MAIL_HOST, NewDelivery, NewEmail, enqueue
from kaireon.delivery.redelivery import redeliver
from kaireon.delivery.sender import send_due
from tests.delivery.mail_server import MailServer, open_mail_server
from tests.delivery.receiver import Receiver
from tests.delivery.test_tls import Authority

pytestmark = pytest.mark.django_db

SendMail = Callable[..., Delivery]


def an_email(**changes: str | None) -> NewEmail:
    """An e-mail to Ada."""
    example: dict[str, str | None] = {
        "source": "trigger",
        "source_id": "trg_welcome",
        "firing_id": "fir_1",
        "event_id": "evt_1",
        "customer_id": "cust_78",
        "sender": "",
        "recipient": "Ada <ada@example.com>",
        "subject": "Grüße",
        "text": "Hello Ada,\n.\nyour offer waits.\n",
    }
    return NewEmail(**{**example, **changes})  # type: ignore[arg-type]


@pytest.fixture
def send_mail() -> SendMail:
    """Enqueues one e-mail, sends what is due, and returns the delivery as it stands then."""

    def send(**changes: str) -> Delivery:
        (delivery_id,) = enqueue([an_email(**changes)])
        send_due(run_seconds=10)
        return Delivery.objects.get(pk=delivery_id)

    return send


def test_an_email_arrives_whole_and_is_recorded(mail_server: MailServer, send_mail: SendMail) -> None:
    delivery = send_mail()
    (received,) = mail_server.received
    assert (received.sender, received.recipients) == ("news@example.com", ["ada@example.com"])
    assert received.message["From"] == "Kaireon <news@example.com>"
    assert received.message["To"] == "Ada <ada@example.com>"
    assert received.message["Subject"] == "Grüße"
    assert received.message["Message-ID"] == f"<{delivery.pk}@example.com>"
    assert received.message["Auto-Submitted"] == "auto-generated"
    assert received.message.get_content_type() == "text/plain"
    assert received.text == "Hello Ada,\n.\nyour offer waits."
    assert (delivery.kind, delivery.status, delivery.attempts) == ("email", Status.DELIVERED, 1)
    assert (delivery.url, delivery.method, delivery.host) == ("mailto:ada@example.com", "SEND", "e-mail")
    (attempt,) = Attempt.objects.all()
    assert (attempt.number, attempt.error, attempt.response_status) == (1, "", None)


def test_a_channel_may_have_its_own_sender(mail_server: MailServer, send_mail: SendMail) -> None:
    send_mail(sender="Bank <offers@bank.example>")
    assert mail_server.received[0].sender == "offers@bank.example"
    assert mail_server.received[0].message["Message-ID"].endswith("@bank.example>")


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("CONNECT", "421 too busy"),
        ("CONNECT", "554 not from you"),
        ("MAIL", "451 try again"),
        ("RCPT", "450 mailbox busy"),
        ("DATA", "452 no room"),
        ("CONTENT", "451 try again"),
    ],
)
def test_what_may_go_better_later_is_tried_again_as_the_same_message(
    mail_server: MailServer, send_mail: SendMail, command: str, answer: str
) -> None:
    mail_server.refuse(command, answer, answer)
    delivery = send_mail()
    assert (delivery.status, delivery.attempts, delivery.retries) == (Status.PENDING, 1, 1)
    assert delivery.next_attempt_at is not None
    assert 4 < (delivery.next_attempt_at - clock.now()).total_seconds() < 6
    assert "mail server" in delivery.last_error
    mail_server.refusals.clear()
    Delivery.objects.update(next_attempt_at=clock.now())
    send_due(run_seconds=10)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempts, delivery.last_error) == (Status.DELIVERED, 2, "")
    (received,) = mail_server.received
    assert received.message["Message-ID"] == f"<{delivery.pk}@example.com>"


@pytest.mark.parametrize(
    ("command", "answer", "told"),
    [
        ("RCPT", "550 5.1.1 no such user", "The mail server refused the recipient with 550, which is final."),
        ("MAIL", "553 not your name", "The mail server refused the sender with 553, which is final."),
        ("CONTENT", "554 looks like spam", "The mail server refused the message with 554, which is final."),
    ],
)
def test_what_is_refused_for_good_is_given_up_and_audited(
    mail_server: MailServer, send_mail: SendMail, command: str, answer: str, told: str
) -> None:
    mail_server.refuse(command, answer)
    delivery = send_mail()
    assert (delivery.status, delivery.reason, delivery.attempts) == (Status.DEAD, told, 1)
    assert delivery.last_status == int(answer[:3])
    assert Attempt.objects.get().response_excerpt == answer[4:]
    assert Entry.objects.get(action="delivery.dead").subject == delivery.pk
    redeliver(delivery=delivery, now=clock.now())
    send_due(run_seconds=10)
    delivery.refresh_from_db()
    assert delivery.status == Status.DELIVERED


def test_a_login_that_is_refused_is_tried_again_and_no_password_is_shown(
    mail_server: MailServer, send_mail: SendMail, settings: Settings
) -> None:
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "kaireon", "pa55word"
    mail_server.refuse("AUTH", "535 no", "535 no")
    delivery = send_mail()
    assert (delivery.status, delivery.last_error) == (Status.PENDING, "The mail server refused the login (535).")
    assert "pa55word" not in str(Delivery.objects.values()) + str(Attempt.objects.values())


def test_without_a_mail_server_it_is_tried_again_and_given_up_in_the_end(
    mail_server: MailServer, send_mail: SendMail, settings: Settings
) -> None:
    settings.DELIVERY_RETRY_SECONDS = [0]
    mail_server.close()
    delivery = send_mail()
    assert (delivery.status, delivery.attempts) == (Status.DEAD, 2)
    assert delivery.reason == "Given up after 2 attempts. There was no connection to the mail server."


@pytest.mark.parametrize("command", ["CONNECT", "RCPT", "CONTENT"])
def test_a_mail_server_that_hangs_is_left_at_the_deadline(
    mail_server: MailServer, send_mail: SendMail, settings: Settings, command: str
) -> None:
    settings.EMAIL_TOTAL_SECONDS = 0.3
    mail_server.hangs_at = command
    began = time.monotonic()
    delivery = send_mail()
    assert time.monotonic() - began < 3
    assert (delivery.status, delivery.retries) == (Status.PENDING, 1)


def test_over_starttls_with_a_certificate_that_is_verified(settings: Settings, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    file = str(authority.issue("127.0.0.1"))
    with open_mail_server(settings, certificate=(file, file)) as server:
        settings.EMAIL_USE_TLS = True
        settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "kaireon", "pa55word"
        enqueue([an_email()])
        send_due(run_seconds=10)
        untrusted = Delivery.objects.get()
        assert (untrusted.status, server.received) == (Status.PENDING, [])
        assert untrusted.last_error.startswith("The mail server's TLS certificate is not trusted")
        settings.WEBHOOK_CA_FILE = str(authority.file)
        Delivery.objects.update(next_attempt_at=clock.now())
        send_due(run_seconds=10)
        assert Delivery.objects.get().status == Status.DELIVERED
        assert server.received[0].is_encrypted


def test_a_server_without_tls_gets_nothing_where_tls_is_wanted(
    mail_server: MailServer, send_mail: SendMail, settings: Settings
) -> None:
    settings.EMAIL_USE_TLS = True
    delivery = send_mail()
    assert (delivery.status, mail_server.received) == (Status.PENDING, [])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"subject": "Hi\r\nBcc: all@example.com"}, "The header Subject must not contain line breaks"),
        ({"recipient": "ada@example.com\nBcc: all@example.com"}, "The header To must not contain line breaks"),
        ({"recipient": "ada@example.com, bob@example.com"}, "The header To must be one e-mail address, not several."),
        ({"recipient": "not an address"}, "The header To must be an e-mail address"),
        ({"sender": "x@example.com\r\nX: y"}, "The header From must not contain line breaks"),
        ({"subject": "x" * 501}, "The header Subject must have at most 500 characters."),
    ],
)
def test_headers_that_would_become_others_are_never_sent(
    mail_server: MailServer, send_mail: SendMail, changes: dict[str, str], told: str
) -> None:
    delivery = send_mail(**changes)
    assert (delivery.status, mail_server.received) == (Status.DEAD, [])
    assert delivery.reason.startswith(told)


def test_the_text_can_hold_anything(mail_server: MailServer, send_mail: SendMail) -> None:
    send_mail(text="Bcc: all@example.com\r\n\r\n.\r\n<b>50\u00a0€</b> \U0001f600")
    (received,) = mail_server.received
    assert received.message["Bcc"] is None
    assert received.text == "Bcc: all@example.com\n\n.\n<b>50\u00a0€</b> \U0001f600"


def test_emails_and_requests_are_one_queue_in_their_order(mail_server: MailServer, receiver: Receiver) -> None:
    request = NewDelivery(
        source="trigger",
        source_id="trg_welcome",
        firing_id="fir_2",
        event_id="evt_1",
        customer_id=None,
        url=receiver.url,
        method="POST",
        headers={},
        body={},
    )
    ids = enqueue([an_email(), request, an_email()])
    send_due(run_seconds=10)
    assert list(Delivery.objects.order_by("id").values_list("pk", "kind", "status")) == [
        (ids[0], "email", "delivered"),
        (ids[1], "http", "delivered"),
        (ids[2], "email", "delivered"),
    ]
    assert (len(mail_server.received), len(receiver.received)) == (2, 1)


def test_without_a_host_emails_are_files(settings: Settings, send_mail: SendMail, tmp_path: Path) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = str(tmp_path / "mail")
    delivery = send_mail()
    (file,) = (tmp_path / "mail").iterdir()
    assert f"Message-ID: <{delivery.pk}@" in file.read_text()
    assert delivery.status == Status.DELIVERED


def test_a_row_of_older_code_is_a_request() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO delivery_delivery (id, created_at, source, source_id, firing_id, event_id, url, host, method,"
            " headers, body, secret_nonce, status, reason, attempts, retries, is_redelivery, next_attempt_at,"
            " last_error) VALUES ('dlv_old', now(), 's', 'i', 'f', 'e', 'u', 'h', 'POST', '{}', '{}', '', 'pending',"
            " '', 0, 0, false, now(), '')"
        )
    assert Delivery.objects.get().kind == "http"


def test_the_api_shows_emails_and_filters_them(
    mail_server: MailServer, send_mail: SendMail, viewer_api: APIClient
) -> None:
    delivery = send_mail()
    (shown,) = viewer_api.get("/api/v1/deliveries?kind=email").json()["data"]
    assert shown["kind"] == "email"
    assert shown["headers"] == {"From": "", "To": "Ada <ada@example.com>", "Subject": "Grüße"}
    assert shown["body"] == "Hello Ada,\n.\nyour offer waits.\n"
    assert shown["url"] == "mailto:ada@example.com"
    assert viewer_api.get("/api/v1/deliveries?kind=http").json()["data"] == []
    assert viewer_api.get(f"/api/v1/deliveries/{delivery.pk}").json()["attempts"][0]["number"] == 1


def test_a_mail_server_is_sent_no_more_than_its_connections_however_many_slots_there_are() -> None:
    enqueue([an_email() for _ in range(40)])
    first = claim(slots=400, per_host=200, busy={}, now=clock.now())
    assert len(first.deliveries) == 32
    assert len(claim(slots=368, per_host=200, busy={MAIL_HOST: 30}, now=clock.now()).deliveries) == 2


def test_a_slow_mail_server_leaves_room_for_requests(
    mail_server: MailServer, receiver: Receiver, settings: Settings
) -> None:
    settings.DELIVERY_CONCURRENCY = 4
    mail_server.hangs_at = "CONNECT"
    enqueue([an_email() for _ in range(6)])
    request = NewDelivery(
        source="trigger",
        source_id="trg_welcome",
        firing_id="fir_2",
        event_id="evt_1",
        customer_id=None,
        url=receiver.url,
        method="POST",
        headers={},
        body={},
    )
    enqueue([request])

    def release() -> None:
        receiver.wait_for(1)
        mail_server.hangs_at = ""
        mail_server.closed.set()

    watcher = threading.Thread(target=release)
    watcher.start()
    send_due(run_seconds=10)
    watcher.join()
    assert Delivery.objects.filter(status=Status.DELIVERED).count() == 7


def test_a_sender_that_is_no_address_is_found_by_check(settings: Settings) -> None:
    settings.DEFAULT_FROM_EMAIL = "nobody"
    assert [error.id for error in checks.run_checks() if re.match(r"delivery\.", error.id or "")] == ["delivery.E003"]
