"""A receiver can answer what it likes: an attempt ends by its deadline, and keeps at most 1 KiB of the answer."""

import gzip
import socket
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from pytest_django import Settings

from kaireon.delivery.http import EXCERPT_BYTES, SendFailed, send
from tests.delivery.receiver import read_request

DEADLINE_SECONDS = 0.6
OK = b"HTTP/1.1 200 OK\r\n"
_ZEROS = b"\0" * (8 * 1024 * 1024)
# What is sent once; the connection stays open afterwards, so that whoever waits for more waits for ever.
SAID_ONCE: dict[str, bytes] = {
    "nothing": b"",
    "half a status line": b"HTTP/1.1 2",
    "another protocol": b"220 mail.example.com ESMTP\r\n",
    "HTTP/0.9": b"<html>hello</html>\r\n",
    "a status of four digits": b"HTTP/1.1 2000 OK\r\n\r\n",
    "a negative status": b"HTTP/1.1 -200 OK\r\n\r\n",
    "a status that is no number": b"HTTP/1.1 abc OK\r\n\r\n",
    "a status line of 1 MiB": b"HTTP/1.1 200 " + b"x" * 1024 * 1024 + b"\r\n\r\n",
    "a header of 1 MiB": OK + b"X: " + b"x" * 1024 * 1024 + b"\r\n\r\n",
    "10,000 headers": OK + b"".join(b"X-%d: x\r\n" % number for number in range(10_000)) + b"\r\n",
    "headers that never end": OK + b"X: x\r\n" * 50,
    "NUL in a header": OK + b"X: a\0b\r\nContent-Length: 0\r\n\r\n",
    "a header without a colon": OK + b"nonsense\r\nContent-Length: 0\r\n\r\n",
    "a folded header": OK + b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n",
    "a body longer than it says": OK + b"Content-Length: 3\r\n\r\n" + b"x" * 100_000,
    "a body shorter than it says": OK + b"Content-Length: 1000000000000\r\n\r\nabc",
    "a negative length": OK + b"Content-Length: -1\r\n\r\nabc",
    "a length that is no number": OK + b"Content-Length: many\r\n\r\nabc",
    "two lengths": OK + b"Content-Length: 3\r\nContent-Length: 9\r\n\r\nabc",
    "a length and chunks": OK + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a chunk of 16 EiB": OK + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nabc",
    "a chunk of a size that is no number": OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n",
    "a chunk of a negative size": OK + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nabc\r\n",
    "a chunk with 1 MiB of extensions": OK + b"Transfer-Encoding: chunked\r\n\r\n3;" + b"x" * 1024 * 1024 + b"\r\nabc",
    "a million chunks": OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 200_000 + b"0\r\n\r\n",
    "trailers without end": OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: x\r\n" * 50_000,
    "a gzip bomb": OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(_ZEROS),
    "a gzip bomb in gzip": OK + b"Content-Encoding: gzip, gzip\r\n\r\n" + gzip.compress(gzip.compress(_ZEROS)),
    "a deflate bomb": OK + b"Content-Encoding: deflate\r\n\r\n" + zlib.compress(_ZEROS),
    "a chunked gzip bomb": OK
    + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % len(gzip.compress(_ZEROS))
    + gzip.compress(_ZEROS),
    "an encoding that nobody knows": OK + b"Content-Encoding: br, zstd, x\r\n\r\nabc",
    "a continuation in place of an answer": b"HTTP/1.1 100 Continue\r\n\r\n",
    "10,000 continuations": b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000,
    "another protocol that nobody asked for": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
    "a body where none may be": b"HTTP/1.1 204 No Content\r\nContent-Length: 10\r\n\r\n0123456789",
    "two answers": (OK + b"Content-Length: 0\r\n\r\n") * 2,
}
# What is said again and again until the other side has had enough, a moment apart.
SAID_FOR_EVER: dict[str, tuple[bytes, bytes]] = {
    "a byte of the status line": (b"HTTP/1.1 200 ", b"x"),
    "a byte of a header": (OK + b"X: ", b"x"),
    "a header": (OK, b"X: x\r\n"),
    "a continuation": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a byte of the body": (OK + b"Content-Length: 100000\r\n\r\n", b"x"),
    "a byte of a body without a length": (OK + b"\r\n", b"x"),
    "a chunk of a byte": (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "a digit of a chunk's size": (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
    "a trailer": (OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: x\r\n"),
    "a byte of gzip": (OK + b"Content-Encoding: gzip\r\n\r\n", b"\x1f"),
}
REDIRECTS = [
    (status, location)
    for status in (300, 301, 302, 303, 304, 305, 306, 307, 308)
    for location in ("http://127.0.0.1:{port}/inner", "//127.0.0.1:{port}/inner", "/inner", "file:///etc/passwd",
                     "http://169.254.169.254/latest/meta-data/", "gopher://127.0.0.1:6379/_FLUSHALL")
]  # fmt: skip
CASES = {
    "test_a_hostile_answer_is_over_by_the_deadline_and_is_not_kept": len(SAID_ONCE),
    "test_an_answer_that_drips_for_ever_is_over_by_the_deadline": len(SAID_FOR_EVER),
    "test_no_redirect_is_followed": len(REDIRECTS),
}


class Hostile:
    """A server on the loopback interface that says what it is told to, and nothing about HTTP."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        self.requests = 0
        self._closed = threading.Event()
        self._threads: list[threading.Thread] = []
        self._behave: Callable[[socket.socket], None] = lambda connection: None
        self._start(self._serve)

    def say(self, beginning: bytes, then: bytes = b"") -> None:
        """To each that asks from now on: `beginning`, and `then` again and again; the connection stays open."""

        def behave(connection: socket.socket) -> None:
            connection.sendall(beginning)
            while not self._closed.wait(0.01):
                if then:
                    connection.sendall(then)

        self._behave = behave

    def close(self) -> None:
        """Lets go of everybody."""
        self._closed.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _serve(self) -> None:
        while not self._closed.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.requests += 1
            self._start(partial(self._answer, connection))

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            try:
                read_request(connection)
                self._behave(connection)
            except OSError:
                pass  # the other side has had enough, which is what the tests want

    def _start(self, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, daemon=True)
        self._threads.append(thread)
        thread.start()


@pytest.fixture
def hostile(settings: Settings) -> Iterator[Hostile]:
    settings.WEBHOOK_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    settings.DELIVERY_TOTAL_SECONDS = DEADLINE_SECONDS
    server = Hostile()
    yield server
    server.close()


def outcome(url: str) -> Any:
    """The answer or the failure, within the deadline. Anything else that is raised fails the test."""
    started = time.monotonic()
    try:
        result: Any = send(method="POST", url=url, headers={}, body=b"{}")
    except SendFailed as failed:
        result = failed
    # A generous bound: it tells "in the end" from "never", not fast from slow.
    assert time.monotonic() - started < DEADLINE_SECONDS + 5
    return result


@pytest.mark.slow
def test_a_hostile_answer_is_over_by_the_deadline_and_is_not_kept(hostile: Hostile) -> None:
    for name, answer in SAID_ONCE.items():
        hostile.say(answer)
        tracemalloc.start()
        result = outcome(hostile.url)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 3 * 1024 * 1024, (name, peak)
        if isinstance(result, SendFailed):
            assert len(str(result)) < 200
        else:
            assert len(result.excerpt) <= EXCERPT_BYTES, name
            assert 100 <= result.status <= 999, name
    assert hostile.requests == len(SAID_ONCE)


@pytest.mark.slow
@pytest.mark.parametrize("name", SAID_FOR_EVER)
def test_an_answer_that_drips_for_ever_is_over_by_the_deadline(hostile: Hostile, name: str) -> None:
    hostile.say(*SAID_FOR_EVER[name])
    result = outcome(hostile.url)
    assert isinstance(result, SendFailed) or len(result.excerpt) <= EXCERPT_BYTES
    assert hostile.requests == 1


def test_no_redirect_is_followed(hostile: Hostile) -> None:
    for number, (status, location) in enumerate(REDIRECTS, 1):
        place = location.format(port=hostile.port).encode()
        hostile.say(b"HTTP/1.1 %d Elsewhere\r\nLocation: %s\r\nRefresh: 0;url=%s\r\nContent-Length: 0\r\n\r\n"
                    % (status, place, place))  # fmt: skip
        assert outcome(hostile.url).status == status
        assert hostile.requests == number
