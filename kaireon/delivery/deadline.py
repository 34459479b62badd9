"""Sockets that keep one deadline over all they do, however slowly the other end drips.

The time-outs of requests and http.client hold for each read alone: a receiver that sends a byte every few seconds
would keep them waiting for ever.
"""

import socket
import ssl
import time
from typing import Any


class Deadline:
    """A moment on the monotonic clock, `seconds` from now."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._at = time.monotonic() + seconds

    def remaining(self) -> float:
        """Seconds left. Raises TimeoutError when there are none."""
        left = self._at - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        return left


class TimedSocket(socket.socket):
    """A socket on which each operation may take what is left of `deadline`, once that is set."""

    deadline: Deadline | None = None

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        _limit(self)
        return super().recv_into(*args, **kwargs)

    def send(self, *args: Any, **kwargs: Any) -> int:
        _limit(self)
        return super().send(*args, **kwargs)

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        _limit(self)
        super().sendall(*args, **kwargs)


class TimedTlsSocket(ssl.SSLSocket):
    """The same over TLS: set as `sslsocket_class` of a context."""

    deadline: Deadline | None = None

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        _limit(self)
        return super().recv_into(*args, **kwargs)

    def send(self, *args: Any, **kwargs: Any) -> int:
        """`sendall` calls this."""
        _limit(self)
        return super().send(*args, **kwargs)


def _limit(timed: TimedSocket | TimedTlsSocket) -> None:
    if timed.deadline is not None:
        timed.settimeout(timed.deadline.remaining())
