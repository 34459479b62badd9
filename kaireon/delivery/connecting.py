"""Connections that keep a deadline, plain and over TLS; for HTTP and for SMTP."""

import socket
import ssl
from functools import lru_cache

import certifi
from django.conf import settings

from kaireon.delivery.addresses import SocketAddress
from kaireon.delivery.deadline import Deadline, TimedSocket, TimedTlsSocket

CONNECT_SECONDS = 5.0


class NotConnected(OSError):
    """No address took a connection; the cause is the last one's."""


def connect(addresses: list[SocketAddress], deadline: Deadline) -> TimedSocket:
    """A connection to the first address that takes one; those not yet tried share the time evenly.

    Raises NotConnected.
    """
    limit = Deadline(min(CONNECT_SECONDS, deadline.remaining()))
    failure: OSError = TimeoutError()
    for number, target in enumerate(addresses):
        connection = TimedSocket(target.family, socket.SOCK_STREAM)
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(limit.remaining() / (len(addresses) - number))
            connection.connect(target.address)
            return connection
        except OSError as error:
            connection.close()
            failure = error
    raise NotConnected from failure


def tls_context() -> ssl.SSLContext:
    """Trusts the public authorities, or those of KAIREON_WEBHOOK_CA_FILE. Its sockets are TimedTlsSocket."""
    return _context(str(getattr(settings, "WEBHOOK_CA_FILE", "") or certifi.where()))


@lru_cache(maxsize=4)
def _context(ca_file: str) -> ssl.SSLContext:
    """Shared, since loading the authorities takes longer than a handshake."""
    context = ssl.create_default_context(cafile=ca_file)
    context.sslsocket_class = TimedTlsSocket
    return context
