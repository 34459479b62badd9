"""Nothing is sent to an address that is not public, however it is written and whatever it is wrapped in."""

import ipaddress
import socket
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from kaireon.delivery.addresses import TargetRefused, allowed_networks, check_url, parse, refusal, resolve

REFUSED = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.1",
    "192.168.1.1",
    "192.175.48.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::2",
    "::10.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::1",
    "64:ff9b:1::8.8.8.8",
    "100::1",
    "100:0:0:1::1",
    "1000::1",
    "2001::1",
    "2001:0:7f00:1::f7f7:f7f7",
    "2001:0:808:808::80ff:fffe",
    "2001:1::1",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:a00:1::1",
    "2002:a9fe:a9fe::1",
    "2606:4700::5efe:10.0.0.1",
    "2606:4700::200:5efe:192.168.0.1",
    "2620:4f:8000::1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "febf::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.1",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2001:200::1",
    "2606:4700:4700::1111",
    "2a00:1450:4001::1",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2002:808:808::1",
    "2606:4700::5efe:8.8.8.8",
]
SPELLINGS_OF_LOOPBACK = [
    "http://127.0.0.1/",
    "http://127.1/",
    "http://2130706433/",
    "http://017700000001/",
    "http://0x7f000001/",
    "http://0x7f.0.0.1/",
    "http://0177.0.0.01/",
    "http://127.0.0.1./",
    "http://１２７.０.０.１/",
    "http://127。0。0。1/",
    "http://localhost/",
    "http://LOCALHOST./",
    "http://api.localhost/",
    "http://[::1]/",
    "http://[0:0:0:0:0:0:0:1]:8000/",
    "http://[::ffff:7f00:1]/",
    "http://[::ffff:127.0.0.1]/",
]
MALFORMED = [
    "",
    "hooks.example.com/x",
    "//hooks.example.com/x",
    "ftp://hooks.example.com/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "javascript:alert(1)",
    "https://",
    "https:///path",
    "https://user:password@hooks.example.com/",
    "https://user@hooks.example.com/",
    "https://hooks.example.com@10.0.0.1/",
    "https://@hooks.example.com/",
    "https://hooks.example.com\\@10.0.0.1/",
    "https://hooks.example.com:0/",
    "https://hooks.example.com:65536/",
    "https://hooks.example.com:http/",
    "https://hooks.example.com /",
    "https://hooks..example.com/",
    "https://.example.com/",
    "https://-a.example.com/",
    "https://hooks.%65xample.com/",
    "https://hooks.exa{mple.com/",
    "https://[::1/",
    "https://[fe80::1%25eth0]/",
    "https://[not-an-address]/",
    "https://[v1.x]/",
    "https://" + "a" * 64 + ".com/",
    "https://" + "a." * 127 + "com/",
    "https://exa\u2028mple.com/",
    " https://hooks.example.com/",
    "https://hooks.example.com/\n",
    "https://hooks.example.com/\r\nX-Evil: 1",
    "https://hooks.example.com/\x00",
    "https://hooks.example.com/" + "x" * 8192,
]


@pytest.mark.parametrize("address", REFUSED)
def test_special_addresses_are_refused(address: str) -> None:
    assert refusal(ipaddress.ip_address(address)) is not None


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_let_through(address: str) -> None:
    assert refusal(ipaddress.ip_address(address)) is None


@pytest.mark.parametrize("url", SPELLINGS_OF_LOOPBACK)
def test_an_address_is_known_in_every_spelling(url: str) -> None:
    with pytest.raises(TargetRefused, match="KAIREON_WEBHOOK_ALLOWED_NETWORKS"):
        check_url(url)


@pytest.mark.parametrize("url", MALFORMED)
def test_malformed_urls_are_refused(url: str) -> None:
    with pytest.raises(TargetRefused):
        check_url(url)


@given(st.text() | st.from_regex(r"https?://[\[\]:%@./0-9a-fx\\#?-]{0,40}", fullmatch=True))
def test_any_text_is_a_url_or_is_refused(text: str) -> None:
    try:
        target = parse(text)
    except TargetRefused:
        return
    assert parse(target.url) == target


def test_the_refusal_names_the_rule_and_the_setting() -> None:
    with pytest.raises(TargetRefused) as refused:
        check_url("https://10.1.2.3/hook")
    assert str(refused.value) == (
        "The URL leads to 10.1.2.3, which is in 10.0.0.0/8 (private use). Messages are sent to public addresses alone;"
        " an operator can admit a network with KAIREON_WEBHOOK_ALLOWED_NETWORKS."
    )


def test_the_refusal_of_a_wrapped_address_says_what_it_carries() -> None:
    assert refusal(ipaddress.ip_address("64:ff9b::10.0.0.1")) == (
        "64:ff9b::a00:1, which carries 10.0.0.1, which is in 10.0.0.0/8 (private use)"
    )


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("https://hooks.example.com", "https://hooks.example.com/"),
        ("HTTPS://Hooks.Example.COM:443/A?b=C#d", "https://hooks.example.com/A?b=C"),
        ("http://hooks.example.com:8080?x", "http://hooks.example.com:8080/?x"),
        ("https://bücher.example/ü", "https://xn--bcher-kva.example/ü"),
        ("https://under_score.example./", "https://under_score.example./"),
        ("https://[2606:4700::1111]:8443/", "https://[2606:4700::1111]:8443/"),
        ("https://hooks.example.com//evil.example/", "https://hooks.example.com//evil.example/"),
    ],
)
def test_urls_are_normalised(url: str, normal: str) -> None:
    check_url(url)
    assert parse(url).url == normal


def test_a_network_can_be_admitted(settings: Settings) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = ["10.1.0.0/16", "fd00::/8"]
    check_url("http://10.1.2.3/")
    check_url("http://[fd00::1]/")
    check_url("http://[::ffff:10.1.2.3]/")
    for url in ("http://10.2.0.1/", "http://127.0.0.1/", "http://[::1]/"):
        with pytest.raises(TargetRefused):
            check_url(url)


@pytest.mark.parametrize("text", ["10.0.0.0/33", "10.0.0.1/8", "intranet", ""])
def test_a_malformed_network_is_a_configuration_error(settings: Settings, text: str) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = [text]
    with pytest.raises(ImproperlyConfigured, match="KAIREON_WEBHOOK_ALLOWED_NETWORKS"):
        allowed_networks()


def _answers(*addresses: str) -> list[tuple[Any, ...]]:
    return [
        (
            socket.AF_INET6 if ":" in address else socket.AF_INET,
            socket.SOCK_STREAM,
            6,
            "",
            (address, 443, 0, 0) if ":" in address else (address, 443),
        )
        for address in addresses
    ]


@pytest.mark.parametrize(
    "addresses",
    [
        ["10.0.0.1"],
        ["8.8.8.8", "10.0.0.1"],
        ["2606:4700::1111", "::1"],
        ["::ffff:169.254.169.254"],
        ["fe80::1%eth0"],
    ],
)
def test_every_answer_of_a_name_is_checked(monkeypatch: pytest.MonkeyPatch, addresses: list[str]) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: _answers(*addresses))
    with pytest.raises(TargetRefused):
        resolve(parse("https://hooks.example.com/"))


def test_a_name_with_public_answers_is_resolved_to_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: _answers("8.8.8.8", "2606:4700::1111"))
    found = resolve(parse("https://hooks.example.com/"))
    assert [answer.address[0] for answer in found] == ["8.8.8.8", "2606:4700::1111"]
