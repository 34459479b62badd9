"""A name may have many addresses, and may change them between two looks: one bad one refuses it, one look is all."""

import socket
from itertools import product
from typing import Any

import pytest

from kaireon.delivery import http
from kaireon.delivery.addresses import TargetRefused, parse, resolve
from kaireon.delivery.connecting import connect
from kaireon.delivery.http import SendFailed, send

BAD = ("127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.1.1", "0.0.0.0", "::1", "fd00:ec2::254", "fe80::1%eth0",
       "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::")  # fmt: skip
GOOD = ("93.184.215.14", "1.1.1.1", "2606:4700:4700::1111", "8.8.8.8", "2a00:1450:4001::1")
# (how many answers, where among them the bad one stands, which it is)
MIXTURES = [(count, place, bad) for count in (1, 2, 3, 6) for place in range(count) for bad in BAD]
REBINDINGS = list(product(GOOD, BAD))
CASES = {
    "test_one_bad_address_among_good_ones_refuses_the_name": len(MIXTURES),
    "test_an_answer_that_changes_after_the_check_does_not_matter": len(REBINDINGS),
}
URL = "https://hooks.example.com/"


class Resolver:
    """Stands for the system's: gives one of `answers` at each look, and the last one ever after."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = answers
        self.looks = 0

    def __call__(self, host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        addresses = self.answers[min(self.looks, len(self.answers) - 1)]
        self.looks += 1
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port, 0, 0))
            if ":" in address
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in addresses
        ]


class Connections:
    """Takes the place of sockets: notes the addresses that `connect` is called with, and refuses."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.addresses: list[str] = []
        monkeypatch.setattr("kaireon.delivery.deadline.TimedSocket.connect", self._connect)

    def _connect(self, address: tuple[Any, ...]) -> None:
        self.addresses.append(address[0])
        raise ConnectionRefusedError


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> Connections:
    return Connections(monkeypatch)


def test_one_bad_address_among_good_ones_refuses_the_name(
    monkeypatch: pytest.MonkeyPatch, connections: Connections
) -> None:
    for count, place, bad in MIXTURES:
        answers = [GOOD[number % len(GOOD)] for number in range(count)]
        answers[place] = bad
        monkeypatch.setattr(socket, "getaddrinfo", Resolver(answers))
        with pytest.raises(TargetRefused, match="KAIREON_WEBHOOK_ALLOWED_NETWORKS"):
            send(method="POST", url=URL, headers={}, body=b"{}")
    assert connections.addresses == []


def test_an_answer_that_changes_after_the_check_does_not_matter(
    monkeypatch: pytest.MonkeyPatch, connections: Connections
) -> None:
    for good, bad in REBINDINGS:
        resolver = Resolver([good], [bad])
        monkeypatch.setattr(socket, "getaddrinfo", resolver)
        with pytest.raises(SendFailed, match="refused the connection"):
            send(method="POST", url=URL, headers={}, body=b"{}")
        assert resolver.looks == 1
        assert connections.addresses == [good]
        connections.addresses.clear()


def test_control_a_second_look_would_be_led_astray(monkeypatch: pytest.MonkeyPatch, connections: Connections) -> None:
    """What the test above is good for: were the name looked up once more, the bad address would be found."""
    monkeypatch.setattr(socket, "getaddrinfo", Resolver(["93.184.215.14"], ["127.0.0.1"]))

    def looks_again(addresses: Any, deadline: Any) -> Any:
        return connect(resolve(parse(URL)), deadline)

    monkeypatch.setattr(http, "connect", looks_again)
    with pytest.raises(TargetRefused):
        send(method="POST", url=URL, headers={}, body=b"{}")
