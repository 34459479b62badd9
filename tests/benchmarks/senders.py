"""Clients of the web server: processes with a few connections each, which stay open, and as little else as can be.

They share the machine with the server; what they cost is the same for every server that is measured.
"""

import socket
import threading
import time
from collections.abc import Callable, Sequence

from tests.benchmarks.processes import Span, span_of

PROCESSES = 2
CONNECTIONS = 4
"""Of each process."""


class Connection:
    """One connection to the web server of this machine. Sends a request, reads its answer, and then the next."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, request: bytes) -> None:
        """Raises AssertionError for any answer but 202 with a body of a known length."""
        self._socket.sendall(request)
        answer = b""
        while (end := answer.find(b"\r\n\r\n")) < 0:
            part = self._socket.recv(65536)
            assert part, "the server has closed the connection"
            answer += part
        head = answer[:end].lower()
        assert head.startswith(b"http/1.1 202"), answer[:2000].decode(errors="replace")
        _, found, length = head.partition(b"content-length:")
        assert found, head.decode()
        left = int(length.split(b"\r\n", 1)[0]) - (len(answer) - end - 4)
        while left > 0:
            left -= len(self._socket.recv(65536))

    def close(self) -> None:
        """Ends it; a `with` block does so too."""
        self._socket.close()

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def request_of(path: str, body: bytes, *, key: str = "") -> bytes:
    """A POST of JSON, as it goes over the wire."""
    authorization = f"Authorization: Bearer {key}\r\n" if key else ""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{authorization}"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def send(port: int, requests: Sequence[bytes], *, connections: int = CONNECTIONS) -> Span:
    """Until all `requests` are answered, by so many connections of each process."""
    return span_of(_sending, [(port, requests[number::PROCESSES], connections) for number in range(PROCESSES)])


def send_evenly(port: int, requests: Sequence[bytes], *, every_s: float) -> None:
    """Sends one request after another at that pace; who falls behind does not wait."""
    began = time.perf_counter()
    with Connection(port) as connection:
        for number, request in enumerate(requests):
            time.sleep(max(0.0, began + number * every_s - time.perf_counter()))
            connection.send(request)


def _sending(port: int, requests: Sequence[bytes], count: int) -> Callable[[], None]:
    connections = [Connection(port) for _ in range(count)]
    failures: list[Exception] = []

    def send_share(connection: Connection, share: Sequence[bytes]) -> None:
        try:
            for request in share:
                connection.send(request)
        except Exception as failure:
            # Of any kind: an error in a thread would else be printed, and the figure taken.
            failures.append(failure)
            raise

    def send_all() -> None:
        threads = [
            threading.Thread(target=send_share, args=(connection, requests[number::count]))
            for number, connection in enumerate(connections)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for connection in connections:
            connection.close()
        assert not failures, failures[0]

    return send_all
