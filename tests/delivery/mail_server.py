"""A real SMTP server that stands for the user's mail server, and does what tests tell it to."""

import socketserver
import ssl
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from pytest_django import Settings

PATIENCE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class ReceivedMail:
    """One message as it came in."""

    sender: str
    recipients: list[str]
    content: bytes
    is_encrypted: bool

    @property
    def message(self) -> EmailMessage:
        """The message, parsed."""
        return message_from_bytes(self.content, policy=default)

    @property
    def text(self) -> str:
        """Its text."""
        return str(self.message.get_content()).replace("\r\n", "\n").removesuffix("\n")


class MailServer:
    """Takes everything unless told otherwise; `received` holds all messages in the order of their arrival."""

    def __init__(self, *, certificate: tuple[str, str] | None = None) -> None:
        self.received: list[ReceivedMail] = []
        self.refusals: dict[str, deque[str]] = {}
        self.hangs_at = ""
        self.closed = threading.Event()
        self.tls: ssl.SSLContext | None = None
        if certificate:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*certificate)
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens, on 127.0.0.1."""
        return int(self._server.server_address[1])

    def refuse(self, command: str, *answers: str) -> None:
        """Answers the next `command`s (CONNECT, EHLO, AUTH, MAIL, RCPT, DATA, CONTENT) with `answers`."""
        self.refusals[command] = deque(answers)

    def refusal(self, command: str) -> str | None:
        """What a command is refused with, if it is. Hangs where the test wants that."""
        if self.hangs_at == command:
            self.closed.wait(PATIENCE_SECONDS)
        waiting = self.refusals.get(command)
        return waiting.popleft() if waiting else None

    def close(self) -> None:
        """Ends all that hangs, and the server."""
        self.closed.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(PATIENCE_SECONDS)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone away is what some tests are about."""


def _handler(server: MailServer) -> type[socketserver.StreamRequestHandler]:
    class Handler(socketserver.StreamRequestHandler):
        is_encrypted = False

        def handle(self) -> None:
            refusal = server.refusal("CONNECT")
            self.say(refusal or "220 test")
            if refusal:
                return
            sender, recipients = "", list[str]()
            while line := self.rfile.readline():
                command = line.decode().strip().split(" ")[0].split(":")[0].upper()
                if refusal := server.refusal(command):
                    self.say(refusal)
                    continue
                match command:
                    case "EHLO":
                        self.say(*(["250-test", "250-AUTH PLAIN"] + (["250-STARTTLS"] if server.tls else [])), "250 OK")
                    case "STARTTLS" if server.tls:
                        self.say("220 go on")
                        self.connection = server.tls.wrap_socket(self.request, server_side=True)
                        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
                        self.is_encrypted = True
                    case "AUTH":
                        self.say("235 welcome")
                    case "MAIL":
                        sender, recipients = _address(line), []
                        self.say("250 OK")
                    case "RCPT":
                        recipients.append(_address(line))
                        self.say("250 OK")
                    case "DATA":
                        self.say("354 go on")
                        lines = iter(self.rfile.readline, b".\r\n")
                        content = b"".join(line.removeprefix(b".") for line in lines)
                        refusal = server.refusal("CONTENT")
                        if refusal is None:
                            server.received.append(ReceivedMail(sender, recipients, content, self.is_encrypted))
                        self.say(refusal or "250 taken")
                    case "QUIT":
                        self.say("221 bye")
                        return
                    case _:
                        self.say("250 OK")

        def finish(self) -> None:
            super().finish()
            self.connection.close()

        def say(self, *lines: str) -> None:
            self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())

    return Handler


def _address(line: bytes) -> str:
    return line.decode().partition("<")[2].partition(">")[0]


@contextmanager
def open_mail_server(settings: Settings, **options: Any) -> Iterator[MailServer]:
    """A server for as long as the block lasts, with the settings leading to it."""
    server = MailServer(**options)
    settings.EMAIL_BACKEND = "kaireon.delivery.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.DEFAULT_FROM_EMAIL = "Kaireon <news@example.com>"
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def mail_server(settings: Settings) -> Iterator[MailServer]:
    """A mail server on the loopback interface that e-mail of this test goes to."""
    with open_mail_server(settings) as opened:
        yield opened
