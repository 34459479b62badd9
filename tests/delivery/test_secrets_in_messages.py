"""Secrets are filled in at the moment of sending, and nowhere else."""

import json

import pytest
from django.db import connection
from pytest_django import Settings

from audit.models import Entry
from kaireon.core.templating import SecretMarkers
from kaireon.delivery.models import Attempt, Delivery, Status
from kaireon.delivery.sender import send_due
from kaireon.secrets import vault
from tests.delivery.conftest import Send
from tests.delivery.receiver import Answer, Receiver

VALUE = "s3cret-Välue/42"
MARKERS = SecretMarkers.new()


@pytest.fixture
def token(db: None) -> str:
    """A stored secret; returns its marker."""
    vault.set_secret(name="token", value=VALUE)
    return MARKERS.mark("token")


def send_with(send_one: Send, **fields: object) -> Delivery:
    return send_one(secret_nonce=MARKERS.nonce, **fields)


def everything_stored() -> str:
    """All rows of delivery and audit, as text."""
    stored = []
    with connection.cursor() as cursor:
        for table in ("delivery_delivery", "delivery_attempt", "audit_entry"):
            cursor.execute(f"SELECT row_to_json(t)::text FROM {table} t")
            stored += [row[0] for row in cursor.fetchall()]
    return "\n".join(stored)


def test_url_headers_and_body_are_filled(receiver: Receiver, send_one: Send, token: str) -> None:
    delivery = send_with(
        send_one,
        url=f"{receiver.url}/{token}?key={token}",
        headers={"Authorization": f"Bearer {token}"},
        body={"token": token, "list": [f"<{token}>"]},
    )
    assert delivery.status == Status.DELIVERED
    [received] = receiver.received
    assert received.path == "/hook/s3cret-V%C3%A4lue/42?key=s3cret-V%C3%A4lue/42"
    assert received.headers["authorization"].encode("latin-1").decode() == f"Bearer {VALUE}"
    assert received.json == {"token": VALUE, "list": [f"<{VALUE}>"]}
    assert VALUE not in everything_stored()


def test_it_is_the_value_at_the_moment_of_sending(receiver: Receiver, send_one: Send, token: str) -> None:
    receiver.answer(500)
    send_with(send_one, body=token)
    vault.set_secret(name="token", value="changed")
    Delivery.objects.update(next_attempt_at="2026-01-01T00:00:00Z")
    send_due(run_seconds=10)
    assert [received.json for received in receiver.received] == [VALUE, "changed"]


def test_a_missing_secret_is_final(receiver: Receiver, send_one: Send, db: None) -> None:
    delivery = send_with(send_one, headers={"Authorization": MARKERS.mark("gone")})
    assert delivery.status == Status.DEAD
    assert delivery.reason == "There is no secret named gone."
    assert receiver.received == []
    assert Attempt.objects.get().error == "There is no secret named gone."
    assert Entry.objects.get(action="delivery.dead").facts["reason"] == "There is no secret named gone."


def test_a_missing_secret_of_one_harms_no_other(receiver: Receiver, send_one: Send, token: str) -> None:
    send_with(send_one, body=MARKERS.mark("gone"))
    assert send_with(send_one, body=token).status == Status.DELIVERED


def test_a_secret_that_no_key_decrypts_is_waited_for(
    receiver: Receiver, send_one: Send, token: str, settings: Settings
) -> None:
    from cryptography.fernet import Fernet

    settings.SECRETS_KEYS = [Fernet.generate_key().decode()]
    delivery = send_with(send_one, body=token)
    assert delivery.status == Status.PENDING
    assert delivery.last_error == "The secret token can't be decrypted with any key of KAIREON_SECRETS_KEYS."
    assert receiver.received == []


def test_a_forged_marker_in_an_events_data_is_not_filled(receiver: Receiver, send_one: Send, token: str) -> None:
    forged = SecretMarkers("0" * 32).mark("token")
    literal = "{{secret.token}} {{ secret.token }}"
    send_with(send_one, body={"real": token, "forged": forged, "literal": literal})
    assert receiver.received[0].json == {"real": VALUE, "forged": forged, "literal": literal}


def test_without_a_nonce_nothing_is_a_marker(receiver: Receiver, send_one: Send, token: str) -> None:
    forged = SecretMarkers("").mark("token")
    send_one(secret_nonce="", body=forged)
    assert receiver.received[0].json == forged


def test_a_marker_inside_of_a_secret_stays_text(receiver: Receiver, send_one: Send, token: str) -> None:
    vault.set_secret(name="nested", value=token)
    send_with(send_one, body=MARKERS.mark("nested"))
    assert receiver.received[0].json == token


def test_what_a_receiver_echoes_is_scrubbed(receiver: Receiver, send_one: Send, token: str) -> None:
    receiver.answer(Answer(status=500, echoes=True))
    send_with(send_one, headers={"Authorization": f"Bearer {token}"}, body={"token": token})
    excerpt = Attempt.objects.get().response_excerpt
    assert '{"token":"{{secret.token}}"}' in excerpt
    assert VALUE not in everything_stored()
    assert "s3cret" not in excerpt


def test_a_secret_at_the_end_of_the_excerpt_is_not_kept_in_part(receiver: Receiver, send_one: Send, token: str) -> None:
    receiver.answer(Answer(body=b"x" * 1014 + VALUE.encode()))
    send_with(send_one, body=token)
    assert Attempt.objects.get().response_excerpt == "x" * 1014 + "{{secret}}"


def test_the_value_is_in_no_log_and_no_error(
    receiver: Receiver, send_one: Send, token: str, caplog: pytest.LogCaptureFixture, settings: Settings
) -> None:
    settings.DELIVERY_RETRY_SECONDS = [0]
    receiver.answer(Answer(resets=True), Answer(status=404))
    with caplog.at_level("DEBUG"):
        send_with(send_one, url=f"{receiver.url}?key={token}", headers={"X-Key": token}, body=token)
        send_with(send_one, url=f"http://{token}/")
        send_with(send_one, url="http://127.0.0.1:1/" + token)
        send_with(send_one, url=token)
    for spelling in (VALUE, "s3cret", json.dumps(VALUE)[1:-1]):
        assert spelling not in everything_stored()
        assert spelling not in str([vars(record) for record in caplog.records])


def test_a_host_that_comes_from_a_secret_is_not_named(send_one: Send, token: str, receiver: Receiver) -> None:
    vault.set_secret(name="host", value="10.1.2.3")
    delivery = send_with(send_one, url=f"http://{MARKERS.mark('host')}/")
    assert delivery.status == Status.DEAD
    assert delivery.last_error.startswith("The URL leads to {{secret.host}}, which is in 10.0.0.0/8 (private use).")


def test_a_line_break_in_a_header_by_way_of_a_secret_is_impossible(db: None) -> None:
    from kaireon.core.errors import ValidationFailed

    with pytest.raises(ValidationFailed):
        vault.set_secret(name="evil", value="a\r\nX-Evil: 1")
