"""One request: what goes out, what comes back, and how it ends when the other side does not behave."""

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django import Settings

from kaireon.delivery.addresses import TargetRefused
from kaireon.delivery.http import EXCERPT_BYTES, Answer, SendFailed
from kaireon.delivery.http import send as send_http
from tests.delivery.receiver import Answer as Reply
from tests.delivery.receiver import Receiver, read_request


def send(url: str, *, headers: dict[str, str] | None = None, body: bytes = b"{}", method: str = "POST") -> Answer:
    return send_http(method=method, url=url, headers=headers or {"user-agent": "tests"}, body=body)


@pytest.fixture
def short_deadline(settings: Settings) -> float:
    """Half a second in all."""
    settings.DELIVERY_TOTAL_SECONDS = 0.5
    return 0.5


@pytest.fixture
def raw_server(receiver: Receiver) -> Iterator[Any]:
    """Starts a server that sends given bytes, whatever it is asked."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads = []

    def start(answer: bytes) -> str:
        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                read_request(connection)
                connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        threads.append(thread)
        return f"http://127.0.0.1:{listener.getsockname()[1]}/"

    yield start
    for thread in threads:
        thread.join(5)
    listener.close()


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_the_request_arrives_as_it_was_given(receiver: Receiver, method: str) -> None:
    answer = send(
        f"{receiver.url}/a b?c=d&e=ü#fragment",
        headers={"X-Name": " Łukasz\t", "user-agent": "tests"},
        body='{"a":"ü"}'.encode(),
        method=method,
    )
    assert answer.status == 200
    [received] = receiver.received
    assert received.method == method
    assert received.path == "/hook/a%20b?c=d&e=%C3%BC"
    assert received.body == '{"a":"ü"}'.encode()
    assert received.headers["x-name"].encode("latin-1").decode() == "Łukasz"
    assert {name: value for name, value in received.headers.items() if name != "x-name"} == {
        "host": receiver.host,
        "user-agent": "tests",
        "content-length": "10",
        "accept-encoding": "identity",
    }


def test_the_beginning_of_the_answer_is_read(receiver: Receiver) -> None:
    receiver.answer(Reply(status=503, headers={"Retry-After": "17"}, body=b"try later"))
    assert send(receiver.url) == Answer(503, "17", b"try later")


def test_of_a_long_answer_only_the_beginning_is_read(receiver: Receiver) -> None:
    receiver.answer(Reply(body=b"x" * 10_000_000))
    assert send(receiver.url).excerpt == b"x" * EXCERPT_BYTES


def test_a_compressed_answer_is_not_unpacked(receiver: Receiver) -> None:
    receiver.answer(Reply(headers={"Content-Encoding": "gzip"}, body=b"\x1f\x8b not really"))
    assert send(receiver.url).excerpt == b"\x1f\x8b not really"


def test_a_chunked_answer_is_put_together(raw_server: Any) -> None:
    url = raw_server(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    assert send(url).excerpt == b"abcde"


def test_redirects_are_not_followed(receiver: Receiver) -> None:
    receiver.answer(Reply(status=302, headers={"Location": receiver.url}))
    assert send(receiver.url).status == 302
    assert len(receiver.received) == 1


def test_cookies_are_not_kept(receiver: Receiver) -> None:
    receiver.answer(then=Reply(headers={"Set-Cookie": "session=1; Path=/"}))
    send(receiver.url)
    send(receiver.url)
    assert "cookie" not in receiver.received[1].headers


def test_proxies_and_credentials_of_the_environment_are_not_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login user password pass\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1/")
    send(receiver.url)
    assert "authorization" not in receiver.received[0].headers


def test_the_address_that_was_checked_is_the_one_that_is_connected_to(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolutions = []
    real = socket.getaddrinfo

    def rebinding(host: str, port: int, *args: Any, **kwargs: Any) -> Any:
        """Good at the first look, another address ever after."""
        if host == "hooks.example.com":
            resolutions.append(host)
            host = "127.0.0.1" if len(resolutions) == 1 else "127.9.9.9"
        return real(host, port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    assert send(f"http://hooks.example.com:{receiver.port}/hook").status == 200
    assert resolutions == ["hooks.example.com"]
    assert receiver.received[0].headers["host"] == f"hooks.example.com:{receiver.port}"


def test_a_name_with_a_private_address_is_refused_before_anything_is_connected(
    receiver: Receiver, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = []
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *args, **kwargs: real("127.0.0.1", *args, **kwargs))
    with pytest.raises(TargetRefused, match=r"127\.0\.0\.0/8 \(loopback\)"):
        send(f"http://hooks.example.com:{receiver.port}/hook")
    assert receiver.received == []


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "0177.0.0.1", "127.1"])
def test_numeric_spellings_are_checked_by_what_they_resolve_to(
    receiver: Receiver, settings: Settings, host: str
) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = []
    with pytest.raises(TargetRefused, match="loopback"):
        send(f"http://{host}:{receiver.port}/hook")
    assert receiver.received == []


def test_the_next_address_is_tried_where_one_refuses(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, receiver.port)) for address in ("127.0.0.9", "127.0.0.1")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: addresses)
    assert send(f"http://hooks.example.com:{receiver.port}/hook").status == 200


def test_a_name_that_does_not_resolve_may_resolve_later(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(SendFailed, match=r"^The host's name does not resolve\.$"):
        send("http://hooks.example.com/")


def test_a_refused_connection_is_worth_another_attempt(receiver: Receiver) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(SendFailed, match=r"^The receiver refused the connection\.$"):
        send(f"http://127.0.0.1:{port}/")


def test_a_reset_connection_is_worth_another_attempt(receiver: Receiver) -> None:
    receiver.answer(Reply(resets=True))
    with pytest.raises(SendFailed, match=r"^The receiver closed the connection before it had answered\.$"):
        send(receiver.url)


@pytest.mark.parametrize(
    "answer", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 abc OK\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200]
)
def test_an_answer_that_is_not_http_is_worth_another_attempt(raw_server: Any, answer: bytes) -> None:
    url = raw_server(answer)
    with pytest.raises(SendFailed, match=r"^The receiver's answer is not valid HTTP\.$"):
        send(f"{url}?token=s3cret")


def test_an_empty_answer_is_worth_another_attempt(raw_server: Any) -> None:
    with pytest.raises(SendFailed, match=r"^The receiver closed the connection before it had answered\.$"):
        send(raw_server(b""))


def test_a_receiver_that_says_nothing_is_given_up_at_the_deadline(receiver: Receiver, short_deadline: float) -> None:
    receiver.answer(Reply(hangs=True))
    started = time.monotonic()
    with pytest.raises(SendFailed, match=r"^There was no answer within 0\.5 s\.$"):
        send(receiver.url)
    assert time.monotonic() - started < 3


def test_headers_that_drip_are_given_up_at_the_deadline(receiver: Receiver, short_deadline: float) -> None:
    receiver.answer(Reply(drip="headers"))
    started = time.monotonic()
    with pytest.raises(SendFailed, match=r"^There was no answer within 0\.5 s\.$"):
        send(receiver.url)
    assert short_deadline * 0.9 < time.monotonic() - started < 3


def test_a_body_that_drips_is_cut_off_at_the_deadline_and_the_status_counts(
    receiver: Receiver, short_deadline: float
) -> None:
    receiver.answer(Reply(status=201, drip="body", body=b"start "))
    started = time.monotonic()
    answer = send(receiver.url)
    assert short_deadline * 0.9 < time.monotonic() - started < 3
    assert answer.status == 201
    assert answer.excerpt.startswith(b"start x")


def test_a_receiver_that_does_not_read_is_given_up_at_the_deadline(receiver: Receiver, short_deadline: float) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        started = time.monotonic()
        with pytest.raises(SendFailed, match=r"^There was no answer within 0\.5 s\.$"):
            send(f"http://127.0.0.1:{listener.getsockname()[1]}/", body=b"x" * 50_000_000)
        assert time.monotonic() - started < 3


def test_a_connection_that_is_not_taken_is_given_up(
    receiver: Receiver, short_deadline: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A full backlog: the kernel answers no further SYN.
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        with pytest.raises(SendFailed, match=r"^There was no connection within 0\.5 s\.$"):
            send(f"http://127.0.0.1:{listener.getsockname()[1]}/")
