"""A webhook's receiver in a process of its own, as cheap as can be: it counts, and answers after a while or never."""

import asyncio
import multiprocessing
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

_PATIENCE_S = 30.0
_SAMPLE_S = 0.01
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


@dataclass(frozen=True, slots=True)
class Seen:
    """What came in. In flight are requests that were read to their end and not yet answered.

    `in_flight_median` is that of a look every 10 ms, of those that found any.
    """

    requests: int
    webhook_ids: frozenset[str]
    in_flight_most: int
    in_flight_median: float


class WebhookReceiver:
    """A receiver that runs, on 127.0.0.1."""

    def __init__(self, control: Connection) -> None:
        self._control = control
        self.port: int = self._receive()

    @property
    def host(self) -> str:
        """As deliveries have it."""
        return f"127.0.0.1:{self.port}"

    def seen(self) -> Seen:
        """All that has come in until now."""
        self._control.send("seen")
        found: Seen = self._receive()
        return found

    def _receive(self) -> Any:
        assert self._control.poll(_PATIENCE_S), "the receiver does not answer"
        return self._control.recv()


@contextmanager
def webhook_receiver(*, answers_after_s: float | None) -> Iterator[WebhookReceiver]:
    """A receiver for as long as the block lasts; one that answers after None hangs. Its end closes what hangs."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, answers_after_s))
    process.start()
    try:
        yield WebhookReceiver(ours)
    finally:
        process.kill()
        process.join()


class _Counts:
    def __init__(self) -> None:
        self.requests = 0
        self.webhook_ids: set[str] = set()
        self.in_flight = 0
        self.most = 0
        self.samples: list[int] = []

    def began(self, webhook_id: str) -> None:
        self.requests += 1
        self.webhook_ids.add(webhook_id)
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)

    def ended(self) -> None:
        self.in_flight -= 1

    def seen(self) -> Seen:
        median = statistics.median(self.samples) if self.samples else 0
        return Seen(self.requests, frozenset(self.webhook_ids), self.most, median)


class _Protocol(asyncio.Protocol):
    """One request on a connection, and its end."""

    def __init__(self, counts: _Counts, answers_after_s: float | None) -> None:
        self._counts = counts
        self._answers_after_s = answers_after_s
        self._read = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, found, body = self._read.partition(b"\r\n\r\n")
        if not found:
            return
        lines = head.decode().split("\r\n")[1:]
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        if len(body) < int(headers["content-length"]):
            return
        self._counts.began(headers["webhook-id"])
        if self._answers_after_s is not None:
            asyncio.get_running_loop().call_later(self._answers_after_s, self._answer)

    def _answer(self) -> None:
        self._counts.ended()
        self._transport.write(_ANSWER)
        self._transport.close()


def _serve(control: Connection, answers_after_s: float | None) -> None:
    asyncio.run(_run(control, answers_after_s))


async def _run(control: Connection, answers_after_s: float | None) -> None:
    loop = asyncio.get_running_loop()
    counts = _Counts()
    server = await loop.create_server(lambda: _Protocol(counts, answers_after_s), "127.0.0.1", 0, backlog=1024)
    control.send(server.sockets[0].getsockname()[1])

    def tell() -> None:
        control.recv()
        control.send(counts.seen())

    loop.add_reader(control.fileno(), tell)
    while True:
        await asyncio.sleep(_SAMPLE_S)
        if counts.in_flight:
            counts.samples.append(counts.in_flight)
