"""`manage.py receive_webhooks`: a receiver to try webhooks with; shows each request, and whether its signature fits."""

import json
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from errno import EADDRINUSE
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from kaireon.core import clock
from kaireon.delivery.signing import signature_headers
from kaireon.secrets.encryption import VaultUnusable
from kaireon.secrets.signing import signing_secrets

MAX_BODY_BYTES = 1024**2
TOLERANCE = timedelta(minutes=5)
"""How far a timestamp may be off, as the libraries of Standard Webhooks have it."""
# They say how the request travelled, not what it is about.
_NOT_SHOWN = frozenset({"accept", "accept-encoding", "connection", "content-length", "host"})


class Command(BaseCommand):
    """For developers: shows secrets that a trigger puts into its headers, listens on the loopback interface alone."""

    help = "Listens on 127.0.0.1, answers every request with 200, and prints it with the verdict on its signature."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=_port, default=9000, help="where to listen (9000); 0 takes a free port")

    def handle(self, *args: Any, **options: Any) -> None:
        port: int = options["port"]
        try:
            server = HTTPServer(("127.0.0.1", port), _handler(self._say))
        except OSError as error:
            reason = "is in use" if error.errno == EADDRINUSE else f"can't be had: {error.strerror}"
            raise CommandError(f"Port {port} {reason}. Choose another one with --port.") from None
        with server, suppress(KeyboardInterrupt):
            self._say(f"Listening on http://127.0.0.1:{server.server_port}/ (Ctrl-C ends it)")
            server.serve_forever()

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def verdict(headers: Mapping[str, str], body: bytes, *, secrets: list[str], now: datetime) -> str:
    """What a receiver finds that checks the signature with one of `secrets`. Header names are in lower case."""
    missing = [name for name in ("webhook-id", "webhook-timestamp", "webhook-signature") if not headers.get(name)]
    if missing:
        return f"NOT SIGNED: there is no {missing[0]}"
    timestamp = headers["webhook-timestamp"]
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 10):
        return "DOES NOT VERIFY: webhook-timestamp is not a number of seconds"
    sent_at = datetime.fromtimestamp(int(timestamp), UTC)
    expected = signature_headers(message_id=headers["webhook-id"], body=body, signing_secrets=secrets, now=sent_at)
    # One request may carry several, while the signing secret is being rotated.
    if not set(headers["webhook-signature"].split()) & set(expected["webhook-signature"].split()):
        return "DOES NOT VERIFY: another secret signed it, or the body was changed on its way"
    if abs(now - sent_at) > TOLERANCE:
        return f"DOES NOT VERIFY: it was signed at {clock.iso(sent_at)}, more than 5 minutes from now"
    return "verifies"


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise ArgumentTypeError(f"must be a number from 0 to 65535, not {text!r}")
    return int(text)


def _handler(say: Callable[[str], None]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10  # one request at a time: whoever connects and says nothing must not keep the others out

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "0")
            if not (length.isascii() and length.isdigit() and len(length) < 10 and int(length) <= MAX_BODY_BYTES):
                self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Send at most 1 MiB, with its Content-Length")
                return
            body = self.rfile.read(int(length))
            say(_report(self.command, self.path, _decoded(self.headers.items()), body, now=clock.now()))
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_PUT = do_PATCH = do_DELETE = do_POST  # noqa: N815  http.server looks for these names

        def log_message(self, format: str, *args: Any) -> None:
            """The report is all there is to say."""

    return Handler


def _decoded(headers: Any) -> dict[str, str]:
    """Names in lower case. Kaireon writes values as UTF-8, and http.server reads Latin-1."""
    return {name.lower(): value.encode("latin-1").decode(errors="replace") for name, value in headers}


def _report(method: str, path: str, headers: Mapping[str, str], body: bytes, *, now: datetime) -> str:
    shown = {name: value for name, value in headers.items() if name not in _NOT_SHOWN and name != "webhook-id"}
    lines = [
        f"{clock.iso(now.replace(microsecond=0))}  {method} {path}  webhook-id {headers.get('webhook-id', '(none)')}",
        f"  signature: {_verdict(headers, body, now=now)}",
        *(f"  {name}: {value}" for name, value in shown.items()),
        *(f"  {line}" for line in _pretty(body).splitlines()),
    ]
    return "\n".join(_printable(line) for line in ["", *lines])


def _verdict(headers: Mapping[str, str], body: bytes, *, now: datetime) -> str:
    try:
        secrets = signing_secrets(now=now)
    except VaultUnusable as error:
        return f"can't be checked: {error.message}"
    except DatabaseError:
        return "can't be checked: PostgreSQL, which holds the signing secret, does not answer"
    return verdict(headers, body, secrets=secrets, now=now)


def _pretty(body: bytes) -> str:
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return body.decode(errors="replace")


def _printable(line: str) -> str:
    """`line` without characters that a terminal would obey."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in line)
