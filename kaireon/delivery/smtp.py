"""Django's SMTP backend with one deadline over the whole conversation, however slowly the mail server drips."""

import smtplib
import socket
import ssl
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

from django.conf import settings
from django.core.mail.backends.smtp import EmailBackend as DjangosBackend

from kaireon.delivery.addresses import SocketAddress
from kaireon.delivery.connecting import connect, tls_context
from kaireon.delivery.deadline import Deadline, TimedTlsSocket


class EmailBackend(DjangosBackend):
    """The settings' EMAIL_BACKEND where KAIREON_EMAIL_HOST is set. One object is one conversation.

    TLS certificates are verified against the authorities that webhooks are verified against.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline = Deadline(settings.EMAIL_TOTAL_SECONDS)

    @property
    def connection_class(self) -> Callable[..., smtplib.SMTP]:  # type: ignore[override]  # called, and nothing else
        """What makes the connection."""
        return partial(_TlsConversation if self.use_ssl else _Conversation, deadline=self._deadline)

    @cached_property
    def ssl_context(self) -> ssl.SSLContext:
        """The context of STARTTLS, and of TLS from the first byte on."""
        return tls_context()


class _Conversation(smtplib.SMTP):
    def __init__(self, *args: Any, deadline: Deadline, **kwargs: Any) -> None:
        self._deadline = deadline
        super().__init__(*args, **kwargs)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        """Called by smtplib's connect; its own lets each operation take `timeout`."""
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        connected = connect([SocketAddress(family, address) for family, _, _, _, address in found], self._deadline)
        # A TLS handshake, which is no operation of ours, takes what is left.
        connected.settimeout(self._deadline.remaining())
        connected.deadline = self._deadline
        return connected

    def starttls(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        answer = super().starttls(*args, **kwargs)
        self._limit_tls()
        return answer

    def _limit_tls(self) -> None:
        if isinstance(self.sock, TimedTlsSocket):
            self.sock.deadline = self._deadline


class _TlsConversation(_Conversation):
    def __init__(self, *args: Any, context: ssl.SSLContext, **kwargs: Any) -> None:
        self._context = context
        super().__init__(*args, **kwargs)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        wrapped = self._context.wrap_socket(super()._get_socket(host, port, timeout), server_hostname=host)
        assert isinstance(wrapped, TimedTlsSocket)
        wrapped.deadline = self._deadline
        return wrapped
