"""The developers' receiver: real requests over the loopback interface, and what is printed of them."""

import http.client
import os
import re
import signal
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from kaireon.core import clock
from kaireon.delivery.management.commands.receive_webhooks import MAX_BODY_BYTES
from kaireon.delivery.signing import signature_headers
from kaireon.secrets import signing

BODY = b'{"customerId":"cust_78","amount":750}'
PATIENCE_S = 20.0


class _Output(StringIO):
    """What the command prints; `listening` is set once it says where it listens."""

    def __init__(self) -> None:
        super().__init__()
        self.listening = threading.Event()

    def write(self, text: str) -> int:
        written = super().write(text)
        if "Listening on" in self.getvalue():
            self.listening.set()
        return written

    @property
    def port(self) -> int:
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", self.getvalue())
        assert found is not None
        return int(found[1])


@dataclass(frozen=True)
class _Run:
    """A run of the command: what it answered, and what it printed of the requests."""

    statuses: list[int]
    report: str


Client = Callable[[int], list[int]]


def run_with(client: Client) -> _Run:
    """Runs the command until `client`, which gets the port, has asked what it wants; then Ctrl-C ends it."""
    output = _Output()

    def ask_and_stop() -> list[int]:
        assert output.listening.wait(PATIENCE_S)
        try:
            return client(output.port)
        finally:
            os.kill(os.getpid(), signal.SIGINT)

    with ThreadPoolExecutor(1) as threads:
        statuses = threads.submit(ask_and_stop)
        call_command("receive_webhooks", port=0, stdout=output)
        return _Run(statuses.result(PATIENCE_S), output.getvalue())


def post(port: int, headers: dict[str, str], body: bytes = BODY, *, path: str = "/hook", method: str = "POST") -> int:
    """Sends one request, and returns the status of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request(method, path, body=body, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.fixture
def signed(db: None) -> dict[str, str]:
    """The headers of a request with BODY, signed now by the installation."""
    now = clock.now()
    secrets = signing.signing_secrets(now=now)
    return signature_headers(message_id="fir_1", body=BODY, signing_secrets=secrets, now=now)


def test_a_signed_request_is_answered_with_200_and_shown_with_its_verdict(signed: dict[str, str]) -> None:
    headers = {**signed, "Authorization": "Bearer s3cret", "Content-Type": "application/json"}
    run = run_with(lambda port: [post(port, headers, path="/hook?shop=north", method="PUT")])
    assert run.statuses == [200]
    lines = run.report.splitlines()
    assert lines[1] == ""
    assert re.fullmatch(r"\S+Z  PUT /hook\?shop=north  webhook-id fir_1", lines[2])
    assert lines[3] == "  signature: verifies"
    assert set(lines[4:8]) == {
        f"  webhook-timestamp: {signed['webhook-timestamp']}",
        f"  webhook-signature: {signed['webhook-signature']}",
        "  authorization: Bearer s3cret",
        "  content-type: application/json",
    }
    assert lines[8:] == ["  {", '    "customerId": "cust_78",', '    "amount": 750', "  }"]


def test_after_a_rotation_what_either_secret_signed_verifies(signed: dict[str, str]) -> None:
    signing.rotate(now=clock.now())
    now = clock.now()
    new = signature_headers(
        message_id="fir_1", body=BODY, signing_secrets=signing.signing_secrets(now=now)[:1], now=now
    )
    run = run_with(lambda port: [post(port, signed), post(port, new)])
    assert run.report.count("signature: verifies") == 2


def test_a_changed_body_does_not_verify(signed: dict[str, str]) -> None:
    run = run_with(lambda port: [post(port, signed, BODY.replace(b"750", b"751"))])
    assert run.statuses == [200]
    assert "signature: DOES NOT VERIFY: another secret signed it, or the body was changed on its way" in run.report


def test_an_old_signature_does_not_verify(db: None) -> None:
    then = clock.now() - timedelta(minutes=6)
    secrets = signing.signing_secrets(now=clock.now())
    headers = signature_headers(message_id="fir_1", body=BODY, signing_secrets=secrets, now=then)
    run = run_with(lambda port: [post(port, headers)])
    assert re.search(r"signature: DOES NOT VERIFY: it was signed at \S+, more than 5 minutes from now", run.report)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"webhook-signature": ""}, "NOT SIGNED: there is no webhook-signature"),
        ({"webhook-id": ""}, "NOT SIGNED: there is no webhook-id"),
        ({"webhook-timestamp": "now"}, "DOES NOT VERIFY: webhook-timestamp is not a number of seconds"),
        ({"webhook-timestamp": "9" * 11}, "DOES NOT VERIFY: webhook-timestamp is not a number of seconds"),
    ],
)
def test_headers_that_make_no_signature_are_named(
    signed: dict[str, str], changes: dict[str, str], expected: str
) -> None:
    run = run_with(lambda port: [post(port, {**signed, **changes})])
    assert f"  signature: {expected}\n" in run.report


def test_without_keys_it_says_why_nothing_can_be_checked(signed: dict[str, str], settings: Settings) -> None:
    settings.SECRETS_KEYS = []
    run = run_with(lambda port: [post(port, signed)])
    assert run.statuses == [200]
    assert "signature: can't be checked: Secrets can't be used: KAIREON_SECRETS_KEYS is not set." in run.report


def test_a_body_that_is_no_json_is_shown_without_what_a_terminal_would_obey(db: None) -> None:
    run = run_with(lambda port: [post(port, {}, "grün \x1b[2J".encode())])
    assert run.report.splitlines()[-1] == "  grün \N{REPLACEMENT CHARACTER}[2J"


@pytest.mark.parametrize("length", [str(MAX_BODY_BYTES + 1), "-1", "many", "9" * 5000])
def test_a_body_of_no_sensible_length_is_refused_and_the_next_request_is_taken(db: None, length: str) -> None:
    run = run_with(lambda port: [post(port, {"Content-Length": length}, b""), post(port, {})])
    assert run.statuses == [413, 200]


def test_a_port_in_use_is_one_clear_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CommandError) as refusal:
            call_command("receive_webhooks", port=port)
    assert str(refusal.value) == f"Port {port} is in use. Choose another one with --port."


@pytest.mark.parametrize("port", ["abc", "65536", "-1"])
def test_what_is_no_port_is_refused(port: str) -> None:
    with pytest.raises(CommandError, match=f"argument --port: must be a number from 0 to 65535, not '{port}'"):
        call_command("receive_webhooks", f"--port={port}")
