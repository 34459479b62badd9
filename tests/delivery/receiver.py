"""A real HTTP server that stands for a customer's webhook receiver, and does what tests tell it to."""

import json
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pytest_django import Settings
from standardwebhooks import Webhook

PATIENCE_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the receiver does with one request."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    drip: str = ""
    """`headers` or `body`: sends that part a byte every 20 ms, without end."""
    hangs: bool = False
    """Reads the request and answers nothing until the receiver is closed."""
    resets: bool = False
    """Closes the connection with a reset."""
    echoes: bool = False
    """Answers with the request's headers and body."""


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came in; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    def verify(self, signing_secret: str) -> Any:
        """Checks the signature as a receiver does and returns the body. Raises WebhookVerificationError."""
        return Webhook(signing_secret).verify(self.body, self.headers)


class Receiver:
    """Answers with 200 unless told otherwise; `received` holds all requests in the order of their arrival."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.most_at_once = 0
        self._at_once = 0
        self._answers: deque[Answer] = deque()
        self._always = Answer()
        self._expected_at_once = 0
        self._changed = threading.Condition()
        self._closed = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens, on 127.0.0.1."""
        return int(self._server.server_address[1])

    @property
    def host(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """A URL that leads to it."""
        return f"http://{self.host}/hook"

    def answer(self, *answers: int | Answer, then: int | Answer = 200) -> None:
        """One of `answers` for each of the next requests, and `then` for all that follow."""
        with self._changed:
            self._answers = deque(map(_as_answer, answers))
            self._always = _as_answer(then)

    def gather(self, count: int) -> None:
        """Answers nobody before `count` requests are being handled at once (or patience ends)."""
        self._expected_at_once = count

    def wait_for(self, count: int) -> list[Received]:
        """The requests, once there are `count` of them. Fails the test if they don't come."""
        self._wait(lambda: len(self.received) >= count)
        assert len(self.received) >= count, f"{len(self.received)} requests came, not {count}"
        return self.received

    def close(self) -> None:
        """Ends all that hangs, and the server."""
        self._closed.set()
        with self._changed:
            self._changed.notify_all()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(PATIENCE_SECONDS)

    def handle(self, received: Received) -> Answer:
        """Called by each of the server's threads: what to do with this request."""
        with self._changed:
            self.received.append(received)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            answer = self._answers.popleft() if self._answers else self._always
            self._changed.notify_all()
        try:
            if self._expected_at_once:
                self._wait(lambda: self.most_at_once >= self._expected_at_once)
            if answer.hangs:
                self._closed.wait(PATIENCE_SECONDS)
        finally:
            with self._changed:
                self._at_once -= 1
        return answer

    def pause(self) -> bool:
        """Between two bytes that drip; True when the receiver is closed."""
        return self._closed.wait(0.02)

    def _wait(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        with self._changed:
            while not condition() and not self._closed.is_set() and time.monotonic() < deadline:
                self._changed.wait(0.05)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 512

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone away is what some tests are about."""


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            received = Received(
                self.command,
                self.path,
                {name.lower(): value for name, value in self.headers.items()},
                self.rfile.read(length),
            )
            answer = receiver.handle(received)
            self.close_connection = True
            if answer.resets:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
            elif not answer.hangs:
                self._reply(answer, received)

        do_PUT = do_PATCH = do_GET = do_POST  # noqa: N815  the base class looks for these names

        def _reply(self, answer: Answer, received: Received) -> None:
            if answer.drip == "headers":
                self._drip(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                return
            body = answer.body
            if answer.echoes:
                body = json.dumps(received.headers).encode() + received.body
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if answer.drip != "body":
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if answer.drip == "body":
                self._drip(body)
            else:
                self.wfile.write(body)

        def _drip(self, beginning: bytes) -> None:
            self.wfile.write(beginning)
            while not receiver.pause():
                self.wfile.write(b"x")
                self.wfile.flush()

        def log_message(self, format: str, *args: Any) -> None:
            """Tests look at `received`."""

    return Handler


def read_request(connection: socket.socket, *, body: bytes = b"{}") -> bytes:
    """One request that ends with `body`. A server that closes before it has read everything resets the connection."""
    request = b""
    while not request.endswith(b"\r\n\r\n" + body):
        part = connection.recv(65536)
        if not part:
            break
        request += part
    return request


def _as_answer(answer: int | Answer) -> Answer:
    return Answer(status=answer) if isinstance(answer, int) else answer


@contextmanager
def open_receiver() -> Iterator[Receiver]:
    """A receiver for as long as the block lasts."""
    receiver = Receiver()
    try:
        yield receiver
    finally:
        receiver.close()


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    """A receiver on the loopback interface, which is admitted for this test."""
    settings.WEBHOOK_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with open_receiver() as opened:
        yield opened
