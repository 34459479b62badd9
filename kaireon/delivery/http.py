"""One HTTP request, to an address that was checked, within one deadline. The only module that imports requests.

Requests' adapter is used without its Session: so there are no redirects, no cookies, no proxies and no credentials from
the environment.
"""

import errno
import logging
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

import requests
from django.conf import settings
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from kaireon.delivery.addresses import SocketAddress, Target, TargetRefused, parse, resolve
from kaireon.delivery.connecting import CONNECT_SECONDS, NotConnected, connect, tls_context
from kaireon.delivery.deadline import Deadline, TimedTlsSocket

TOTAL_SECONDS = 15.0
"""From resolving the name to the last byte that is read. DELIVERY_TOTAL_SECONDS replaces it."""
EXCERPT_BYTES = 1024

# Its lines quote URLs, which may hold secrets, at every level.
logging.getLogger("urllib3").setLevel(logging.CRITICAL + 1)


class SendFailed(Exception):
    """There was no answer, and the next attempt may have better luck. The text holds nothing of the request."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the receiver answered: `excerpt` is the first 1 KiB of the body, or less if the deadline cut it off."""

    status: int
    retry_after: str | None
    excerpt: bytes


def send(*, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
    """Sends one request and reads the beginning of the answer.

    Raises TargetRefused (the same every time) and SendFailed (worth another attempt).
    """
    deadline = Deadline(total_seconds())
    target = parse(url)
    try:
        addresses = resolve(target)
    except OSError:
        raise SendFailed("The host's name does not resolve.") from None
    # UTF-8, since http.client would refuse what Latin-1 can't express.
    encoded = {name: value.strip(" \t").encode() for name, value in headers.items()}
    try:
        request = requests.Request(method, target.url, headers=encoded, data=body).prepare()
    except requests.RequestException:
        raise TargetRefused("The URL can't be requested; percent-encode what is unusual in it.") from None
    adapter = _PinnedAdapter(target, addresses, deadline)
    try:
        response = adapter.send(request, stream=True, timeout=deadline.remaining())
        with response:
            return Answer(response.status_code, response.headers.get("Retry-After"), _excerpt(response))
    except (requests.RequestException, HTTPError, HTTPException, OSError) as error:
        # None of these is passed on: their texts quote the URL, which may hold a secret.
        raise SendFailed(_explain(error, deadline)) from None
    finally:
        adapter.close()


def total_seconds() -> float:
    """How long a request may take in all."""
    return float(getattr(settings, "DELIVERY_TOTAL_SECONDS", TOTAL_SECONDS))


def _excerpt(response: requests.Response) -> bytes:
    excerpt = b""
    try:
        while len(excerpt) < EXCERPT_BYTES:
            part = response.raw.read1(EXCERPT_BYTES - len(excerpt), decode_content=False)
            if not part:
                break
            excerpt += part
    except (HTTPError, HTTPException, OSError):
        # The status has been read, and it decides; of the body there is what came in time.
        pass
    return excerpt


class _PinnedAdapter(HTTPAdapter):
    """Connects to the given addresses, whatever the name means meanwhile; Host, SNI and certificate go by the name."""

    def __init__(self, target: Target, addresses: list[SocketAddress], deadline: Deadline) -> None:
        super().__init__(max_retries=0)
        self._pool = _pool(target)
        # The pool makes its connections with these.
        self._pool.conn_kw |= {"addresses": addresses, "deadline": deadline}

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> HTTPConnectionPool:
        return self._pool

    def cert_verify(self, *args: Any, **kwargs: Any) -> None:
        """The pool's context verifies already; this would only load the authorities anew for each request."""

    def close(self) -> None:
        self._pool.close()
        super().close()


class _PinnedConnection(HTTPConnection):
    def __init__(self, *args: Any, addresses: list[SocketAddress], deadline: Deadline, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._addresses = addresses
        self._deadline = deadline

    def _new_conn(self) -> socket.socket:
        connected = connect(self._addresses, self._deadline)
        connected.deadline = self._deadline
        return connected


class _PinnedTlsConnection(HTTPSConnection):
    def __init__(self, *args: Any, addresses: list[SocketAddress], deadline: Deadline, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._addresses = addresses
        self._deadline = deadline

    def _new_conn(self) -> socket.socket:
        connected = connect(self._addresses, self._deadline)
        # The handshake as a whole takes what is left.
        connected.settimeout(self._deadline.remaining())
        return connected

    def connect(self) -> None:
        super().connect()
        assert isinstance(self.sock, TimedTlsSocket)
        self.sock.deadline = self._deadline


class _PinnedPool(HTTPConnectionPool):
    ConnectionCls = _PinnedConnection


class _PinnedTlsPool(HTTPSConnectionPool):
    ConnectionCls = _PinnedTlsConnection


def _pool(target: Target) -> HTTPConnectionPool:
    if target.scheme == "https":
        return _PinnedTlsPool(target.host, target.port, ssl_context=tls_context())
    return _PinnedPool(target.host, target.port)


def _explain(error: BaseException, deadline: Deadline) -> str:
    """What went wrong, in our own words."""
    causes = list(_causes(error))
    connected = not any(isinstance(cause, NotConnected) for cause in causes)
    for cause in causes:
        match cause:
            case ssl.SSLCertVerificationError():
                return f"The receiver's TLS certificate is not trusted: {cause.verify_message}."
            case ssl.SSLError():
                return "The TLS handshake failed."
            case ConnectionRefusedError():
                return "The receiver refused the connection."
            case ConnectionError():
                return "The receiver closed the connection before it had answered."
            case TimeoutError():
                if connected:
                    return f"There was no answer within {deadline.seconds:g} s."
                return f"There was no connection within {min(CONNECT_SECONDS, deadline.seconds):g} s."
    numbers = [cause.errno for cause in causes if isinstance(cause, OSError) and cause.errno]
    if numbers:
        return f"The receiver could not be reached ({errno.errorcode.get(numbers[0], numbers[0])})."
    return "The receiver's answer is not valid HTTP."


def _causes(error: BaseException) -> Iterator[BaseException]:
    """`error` and all that led to it, as requests and urllib3 wrap them, outermost first."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        current = waiting.pop(0)
        if isinstance(current, BaseException) and id(current) not in seen:
            seen.add(id(current))
            yield current
            waiting += [*current.args, getattr(current, "reason", None), current.__cause__, current.__context__]
