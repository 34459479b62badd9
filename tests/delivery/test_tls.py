"""Over TLS: the certificate is verified for the URL's name, at the address that was checked."""

import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pytest_django import Settings

from kaireon.delivery.http import Answer, SendFailed, send
from tests.delivery.receiver import read_request

NAME = "hooks.example.com"


class Authority:
    """Signs certificates for tests."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
        certificate = self._certificate(self._name, self._key, x509.BasicConstraints(ca=True, path_length=None))
        self.file = folder / "authority.pem"
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, *names: str) -> Path:
        """A key and a certificate for `names`, in one file."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives = x509.SubjectAlternativeName([_general_name(name) for name in names])
        certificate = self._certificate(x509.Name([]), key, alternatives)
        file = self._folder / f"{names[0]}.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        return file

    def _certificate(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType
    ) -> x509.Certificate:
        now = datetime.datetime.now(tz=datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(extension, critical=True)
            .sign(self._key, hashes.SHA256())
        )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


class TlsServer:
    """Answers each connection with one 200, or drips it."""

    def __init__(self, certificate: Path, *, drips: bool = False) -> None:
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(certificate)
        self._context.sni_callback = self._note_name
        self._drips = drips
        self._closed = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.names: list[str | None] = []
        self.requests: list[bytes] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closed.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def _note_name(self, _: object, name: str | None, __: object) -> None:
        self.names.append(name)

    def _serve(self) -> None:
        while not self._closed.is_set():
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            try:
                with self._context.wrap_socket(plain, server_side=True) as connection:
                    self.requests.append(read_request(connection))
                    if not self._drips:
                        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine")
                        continue
                    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                    while not self._closed.wait(0.02):
                        connection.sendall(b"x")
            except OSError:
                plain.close()


@pytest.fixture
def authority(tmp_path: Path, settings: Settings) -> Authority:
    """An authority that is trusted for this test."""
    made = Authority(tmp_path)
    settings.WEBHOOK_CA_FILE = str(made.file)
    settings.WEBHOOK_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    return made


@pytest.fixture
def serve(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Starts a server with a certificate for the names given. hooks.example.com leads to it."""
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *args, **kwargs: real("127.0.0.1" if host == NAME else host, *args, **kwargs),
    )
    servers = []

    def start(*names: str, drips: bool = False) -> TlsServer:
        server = TlsServer(authority.issue(*names), drips=drips)
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.close()


def post(url: str) -> Answer:
    return send(method="POST", url=url, headers={"user-agent": "tests"}, body=b"{}")


def test_name_host_header_and_certificate_are_the_urls(serve: Any) -> None:
    server = serve(NAME)
    assert post(f"https://{NAME}:{server.port}/hook") == Answer(200, None, b"fine")
    assert server.names == [NAME]
    assert f"Host: {NAME}:{server.port}\r\n".encode() in server.requests[0]


def test_a_certificate_for_an_address_is_accepted_for_that_address(serve: Any) -> None:
    server = serve("127.0.0.1")
    assert post(f"https://127.0.0.1:{server.port}/").status == 200


def test_a_certificate_for_the_address_does_not_stand_for_the_name(serve: Any) -> None:
    server = serve("127.0.0.1", "other.example.com")
    with pytest.raises(SendFailed, match=r"^The receiver's TLS certificate is not trusted: Hostname mismatch"):
        post(f"https://{NAME}:{server.port}/")
    assert server.requests == []


def test_a_certificate_of_an_unknown_authority_is_not_accepted(serve: Any, settings: Settings) -> None:
    server = serve(NAME)
    settings.WEBHOOK_CA_FILE = ""
    with pytest.raises(SendFailed, match=r"^The receiver's TLS certificate is not trusted: unable to get local issuer"):
        post(f"https://{NAME}:{server.port}/")
    assert server.requests == []


def test_an_answer_that_drips_is_given_up_at_the_deadline(serve: Any, settings: Settings) -> None:
    settings.DELIVERY_TOTAL_SECONDS = 0.5
    server = serve(NAME, drips=True)
    with pytest.raises(SendFailed, match=r"^There was no answer within 0\.5 s\.$"):
        post(f"https://{NAME}:{server.port}/")


def test_a_handshake_that_does_not_come_is_given_up_at_the_deadline(serve: Any, settings: Settings) -> None:
    settings.DELIVERY_TOTAL_SECONDS = 0.5
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(SendFailed, match=r"within 0\.5 s\.$"):
        post(f"https://{NAME}:{listener.getsockname()[1]}/")


def test_a_server_without_tls_is_worth_another_attempt(serve: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        with pytest.raises(SendFailed, match=r"^The TLS handshake failed\.$"):
            post(f"https://{NAME}:{listener.getsockname()[1]}/")
        thread.join(5)
