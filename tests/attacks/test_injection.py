"""One delivery is one request: no data of events, customers or secrets adds a header to it, or a second request.

What arrives is read from the socket byte by byte, as no library would show it.
"""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from pytest_django import Settings

from kaireon.core import clock
from kaireon.core.errors import ValidationFailed
from kaireon.delivery.headers import header_problems
from kaireon.delivery.models import Delivery, Status
from kaireon.delivery.sender import send_due
from kaireon.events.ingestion import ingest
from kaireon.secrets import vault
from tests.triggers.fixtures import process_all
from triggers.models import Trigger

_BREAKS = ("\r\n", "\n", "\r", "\r\r\n", "\n\r", "\r\n ", "\r\n\t", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85",
           "\u2028", "\u2029", "\u010a", "\u010d", "\u560a", "\u560d", "\\r\\n", "%0d%0a", "%0D%0A", "&#13;&#10;",
           "\u200b\n", "\x7f", "\x08", "\x1b")  # fmt: skip
_PAYLOADS = ("X-Evil: 1", "Transfer-Encoding: chunked", "Content-Length: 0", "Host: evil.example",
             "\r\nGET /evil HTTP/1.1\r\nHost: evil.example\r\n\r\n", "Connection: keep-alive",
             "webhook-id: forged")  # fmt: skip
VALUES = [f"a{line_break}{payload}" for line_break in _BREAKS for payload in _PAYLOADS]
NAMES = [
    spelling
    for name in (
        "Host", "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Upgrade", "TE", "Trailer", "Expect",
        "Proxy-Connection", "User-Agent", "webhook-id", "webhook-timestamp", "webhook-signature",
    )
    for spelling in (
        name, name.upper(), name.lower(), name.swapcase(), f"{name} ", f" {name}", f"{name}\t", f"{name}:", f"{name}\0",
        f"{name}\r\nX", f"{name}\n", f"\n{name}", f"X\r\n{name}", name.replace("-", "_") + ("" if "-" in name else ":"),
        name.replace("e", "е"), f"{name}\x0b", f"{name}\xa0", f":{name}", f"{name}\u200b",
    )
]  # fmt: skip
SECRETS = [f"a{line_break}X-Evil: 1" for line_break in _BREAKS if line_break.strip("\\rn%0dDA&#13;") != ""]
CASES = {
    "test_no_value_of_an_event_adds_to_a_request": len(VALUES),
    "test_no_name_of_a_header_gets_in_between": len(NAMES),
    "test_no_secret_adds_to_a_request": len(SECRETS),
}
OURS = {"host", "accept-encoding", "content-length", "content-type", "user-agent",
        "webhook-id", "webhook-timestamp", "webhook-signature"}  # fmt: skip


class Wire:
    """Answers 200 to the first request of each connection, and keeps all bytes that come over it."""

    def __init__(self) -> None:
        self.conversations: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/hook"
        self._threads: list[threading.Thread] = []
        self._server = threading.Thread(target=self._serve, daemon=True)
        self._server.start()

    def close(self) -> None:
        """Waits for what is still on its way."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._server.join(5)
        self.wait()

    def wait(self) -> None:
        """Until every connection is closed by the other side."""
        for thread in self._threads:
            thread.join(10)

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._threads.append(threading.Thread(target=self._listen, args=(connection,), daemon=True))
                self._threads[-1].start()

    def _listen(self, connection: socket.socket) -> None:
        said = b""
        answered = False
        with connection, suppress(OSError):
            while part := connection.recv(65536):
                said += part
                if not answered and _is_whole(said):
                    answered = True
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        self.conversations.append(said)


def _is_whole(said: bytes) -> bool:
    head, separator, body = said.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    return bool(separator) and len(lengths) == 1 and len(body) >= int(lengths[0])


@pytest.fixture
def wire(settings: Settings) -> Iterator[Wire]:
    settings.WEBHOOK_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    opened = Wire()
    yield opened
    opened.close()


def parts(conversation: bytes) -> tuple[bytes, list[tuple[str, bytes]], bytes]:
    """Request line, headers in their order, and all that follows."""
    head, _, rest = conversation.partition(b"\r\n\r\n")
    request_line, *lines = head.split(b"\r\n")
    pairs = [line.split(b": ", 1) for line in lines]
    return request_line, [(name.decode().lower(), value) for name, value in pairs], rest


def check_is_one_request(conversation: bytes, *, more: set[str]) -> Any:
    """The body. Fails where there is a header too many, a line break in one, or a byte behind the body."""
    request_line, headers, rest = parts(conversation)
    assert request_line == b"POST /hook HTTP/1.1"
    assert sorted(name for name, _ in headers) == sorted(OURS | more)
    assert not any(b"\r" in value or b"\n" in value for _, value in headers)
    assert int(dict(headers)["content-length"]) == len(rest)
    return json.loads(rest)


def webhook(wire: Wire, headers: dict[str, str], body: Any) -> dict[str, Any]:
    return {
        "actionType": "webhook",
        "eventType": "note",
        "actionConfig": {"url": wire.url, "headers": headers, "bodyTemplate": body},
    }


def test_no_value_of_an_event_adds_to_a_request(wire: Wire, make_trigger: Callable[..., Trigger]) -> None:
    header = make_trigger(**webhook(wire, {"X-Note": "{{event.note}}", "X-Mixed": "<{{event.note}}>"}, {}))
    body = make_trigger(**webhook(wire, {}, {"note": "{{event.note}}", "text": "<{{event.note}}>"}))
    events = [{"eventType": "note", "properties": {"note": value}} for value in VALUES]
    ingest(events, source="api", now=clock.now())
    process_all()
    assert Delivery.objects.filter(source_id=body.pk).count() == len(VALUES)
    send_due(run_seconds=60)
    wire.wait()

    refused = Delivery.objects.filter(source_id=header.pk, status=Status.DEAD)
    assert {delivery.reason for delivery in refused} == {
        "The header X-Note must not contain line breaks or other control characters."
    }
    sent = Delivery.objects.filter(source_id=header.pk, status=Status.DELIVERED).count()
    assert refused.count() + sent == len(VALUES)
    assert Delivery.objects.filter(source_id=body.pk, status=Status.DELIVERED).count() == len(VALUES)

    with_header = [said for said in wire.conversations if b"X-Note:" in said.partition(b"\r\n\r\n")[0]]
    without = [said for said in wire.conversations if said not in with_header]
    assert len(with_header) == sent
    for said in with_header:
        assert check_is_one_request(said, more={"x-note", "x-mixed"}) == {}
    bodies = [check_is_one_request(said, more=set()) for said in without]
    assert sorted(body["note"] for body in bodies) == sorted(VALUES)
    assert all(body["text"] == f"<{body['note']}>" for body in bodies)


def test_no_name_of_a_header_gets_in_between() -> None:
    passed = [name for name in NAMES if not header_problems({name: "1"})]
    assert passed == []


def test_no_secret_adds_to_a_request(wire: Wire, make_trigger: Callable[..., Trigger]) -> None:
    """A secret with a line break is refused; what is let in arrives as part of one header."""
    make_trigger(**webhook(wire, {"Authorization": "Bearer {{secret.token}}"}, {}))
    for value in SECRETS:
        wire.conversations.clear()
        try:
            vault.set_secret(name="token", value=value)
        except ValidationFailed:
            assert any(ord(character) < 32 or ord(character) == 127 for character in value)
            continue
        ingest({"eventType": "note"}, source="api", now=clock.now())
        process_all()
        send_due(run_seconds=20)
        wire.wait()
        for said in wire.conversations:
            check_is_one_request(said, more={"authorization"})


def test_a_template_can_name_no_header_and_no_place(make_trigger: Callable[..., Trigger], wire: Wire) -> None:
    """The URL and the names of headers are plain: data never decide where a message goes, or what else it says."""
    for url in (
        f"{wire.url}/{{{{event.note}}}}",
        "https://{{event.note}}/",
        "{{event.note}}",
        "{% if true %}{% endif %}",
    ):
        with pytest.raises(ValidationFailed):
            make_trigger(actionType="webhook", actionConfig={"url": url})
    for name in ("{{event.note}}", "X-{{event.note}}", "{{secret.token}}"):
        with pytest.raises(ValidationFailed):
            make_trigger(actionType="webhook", actionConfig={"url": wire.url, "headers": {name: "1"}})
