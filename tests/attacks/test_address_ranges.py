"""No URL leads to a special-purpose address, be it written plainly or wrapped in an address of another kind.

The table is IANA's: the special-purpose registries of IPv4 and IPv6, their finer entries included, and the multicast
ranges. It is kept apart from the guard's own, so that a range that is missing there is missed here.
"""

import ipaddress
import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any

import pytest

from kaireon.delivery import addresses
from kaireon.delivery.addresses import TargetRefused, check_url, parse, refusal, resolve

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# https://www.iana.org/assignments/iana-ipv4-special-registry, and the multicast range.
IPV4 = {
    "0.0.0.0/8": "this network",
    "0.0.0.0/32": "this host on this network",
    "10.0.0.0/8": "private use",
    "100.64.0.0/10": "shared address space",
    "127.0.0.0/8": "loopback",
    "169.254.0.0/16": "link-local",
    "172.16.0.0/12": "private use",
    "192.0.0.0/24": "IETF protocol assignments",
    "192.0.0.0/29": "IPv4 service continuity prefix",
    "192.0.0.8/32": "IPv4 dummy address",
    "192.0.0.9/32": "port control protocol anycast",
    "192.0.0.10/32": "TURN anycast",
    "192.0.0.170/32": "NAT64 discovery",
    "192.0.0.171/32": "DNS64 discovery",
    "192.0.2.0/24": "documentation",
    "192.31.196.0/24": "AS112-v4",
    "192.52.193.0/24": "AMT",
    "192.88.99.0/24": "deprecated, 6to4 relay anycast",
    "192.88.99.2/32": "6a44 relay anycast",
    "192.168.0.0/16": "private use",
    "192.175.48.0/24": "direct delegation AS112 service",
    "198.18.0.0/15": "benchmarking",
    "198.51.100.0/24": "documentation",
    "203.0.113.0/24": "documentation",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved",
    "255.255.255.255/32": "limited broadcast",
}
# https://www.iana.org/assignments/iana-ipv6-special-registry, the multicast range, and what RFC 4291 reserves or
# deprecates. The prefixes that carry an IPv4 address are in WRAPPERS.
IPV6 = {
    "::/128": "unspecified",
    "::1/128": "loopback",
    "64:ff9b:1::/48": "IPv4-IPv6 translation, local use",
    "100::/64": "discard only",
    "100:0:0:1::/64": "dummy prefix",
    "2001:1::1/128": "port control protocol anycast",
    "2001:1::2/128": "TURN anycast",
    "2001:1::3/128": "DNS-SD service registration anycast",
    "2001:1::/32": "IETF protocol assignments",
    "2001:2::/48": "benchmarking",
    "2001:3::/32": "AMT",
    "2001:4:112::/48": "AS112-v6",
    "2001:10::/28": "deprecated, ORCHID",
    "2001:20::/28": "ORCHIDv2",
    "2001:30::/28": "drone remote ID",
    "2001:1ff::/32": "IETF protocol assignments, the last of them",
    "2001:db8::/32": "documentation",
    "2620:4f:8000::/48": "direct delegation AS112 service",
    "3fff::/20": "documentation",
    "5f00::/16": "segment routing",
    "fc00::/7": "unique local",
    "fe80::/10": "link-local",
    "fec0::/10": "deprecated, site-local",
    "ff00::/8": "multicast",
    "4000::/3": "not assigned",
    "200::/7": "deprecated, NSAP",
    "400::/6": "not assigned",
    "e000::/4": "not assigned",
}
# How an IPv4 address stands in an IPv6 one.
WRAPPERS: dict[str, Any] = {
    "mapped": lambda inner: IPv6Address(0xFFFF << 32 | int(inner)),
    "compatible": lambda inner: IPv6Address(int(inner)),
    "translated (SIIT)": lambda inner: IPv6Address(0xFFFF << 48 | int(inner)),
    "NAT64": lambda inner: IPv6Address(int(IPv6Address("64:ff9b::")) | int(inner)),
    "NAT64, local use": lambda inner: IPv6Address(int(IPv6Address("64:ff9b:1::")) | int(inner)),
    "6to4": lambda inner: IPv6Address(0x2002 << 112 | int(inner) << 80 | 1),
    "Teredo, the client": lambda inner: IPv6Address(
        0x20010000 << 96 | int(IPv4Address("8.8.8.8")) << 64 | 0x0000F7F7 << 32 | int(inner) ^ 0xFFFFFFFF
    ),
    "Teredo, the server": lambda inner: IPv6Address(
        0x20010000 << 96 | int(inner) << 64 | 0x0000F7F7 << 32 | int(IPv4Address("8.8.8.8")) ^ 0xFFFFFFFF
    ),
    "ISATAP": lambda inner: IPv6Address(int(IPv6Address("2606:4700::5efe:0:0")) | int(inner)),
    "ISATAP, universal": lambda inner: IPv6Address(int(IPv6Address("2606:4700::200:5efe:0:0")) | int(inner)),
}
# One step outside of a range; in each of these nobody is special.
NEIGHBOURS = (
    "1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
    "168.63.129.15", "168.63.129.17", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0",
    "191.255.255.255", "192.0.1.0", "192.0.1.255", "192.0.3.0", "192.31.195.255", "192.31.197.0", "192.52.192.255",
    "192.52.194.0", "192.88.98.255", "192.88.100.0", "192.167.255.255", "192.169.0.0", "192.175.47.255",
    "192.175.49.0", "198.17.255.255", "198.20.0.0", "198.51.99.255", "198.51.101.0", "203.0.112.255", "203.0.114.0",
    "223.255.255.255", "2001:200::", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::",
    "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2003::", "2620:4f:7fff:ffff:ffff:ffff:ffff:ffff", "2620:4f:8001::",
    "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2000::1",
)  # fmt: skip


def _places(text: str) -> list[Address]:
    """The first, a middle and the last address of a range."""
    network = ipaddress.ip_network(text, strict=False)
    middle = network[network.num_addresses // 2]
    return list(dict.fromkeys([network[0], middle, network[-1]]))


PLACES = [(text, place) for text in (*IPV4, *IPV6) for place in _places(text)]
WRAPPED = [
    (kind, inner, wrap(inner)) for kind, wrap in WRAPPERS.items() for text in IPV4 for inner in _places(text)
]  # fmt: skip
CASES = {
    "test_every_special_range_is_refused": len(PLACES),
    "test_every_special_ipv4_address_is_refused_in_every_wrapping": len(WRAPPED),
    "test_the_addresses_beside_the_ranges_are_let_through": len(NEIGHBOURS),
}


def _url(address: Address) -> str:
    return f"https://[{address}]/" if address.version == 6 else f"https://{address}/"


def _answered(monkeypatch: pytest.MonkeyPatch, address: Address) -> None:
    """Names resolve to this one address from now on."""
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    rest = (443, 0, 0) if address.version == 6 else (443,)
    answer = [(family, socket.SOCK_STREAM, 6, "", (str(address), *rest))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answer)


def test_every_special_range_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """When a URL is saved, and when a name leads there; the refusal names the range and the setting."""
    for text, place in PLACES:
        _answered(monkeypatch, place)
        for act in (lambda: check_url(_url(place)), lambda: resolve(parse("https://hooks.example.com/"))):  # noqa: B023
            with pytest.raises(TargetRefused) as refused:
                act()
            reason = str(refused.value)
            assert reason.startswith(f"The URL leads to {place}, which "), (text, place)
            named = [word.strip("(),.;") for word in reason.split() if "/" in word]
            assert any(place in ipaddress.ip_network(network) for network in named) or "2000::/3" in named, reason
            assert "(" in reason
            assert addresses.SETTING in reason


def test_every_special_ipv4_address_is_refused_in_every_wrapping(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind, inner, wrapped in WRAPPED:
        _answered(monkeypatch, wrapped)
        for act in (lambda: check_url(_url(wrapped)), lambda: resolve(parse("https://hooks.example.com/"))):  # noqa: B023
            with pytest.raises(TargetRefused, match=addresses.SETTING):
                act()
            reason = refusal(wrapped)
            assert reason, (kind, inner)
            assert f"carries {inner}, which is in" in reason or "64:ff9b:1::/48" in reason or int(wrapped) < 2, reason


def test_the_addresses_beside_the_ranges_are_let_through() -> None:
    assert {address: refusal(ipaddress.ip_address(address)) for address in NEIGHBOURS} == dict.fromkeys(NEIGHBOURS)


@pytest.mark.parametrize("wrap", [wrap for kind, wrap in WRAPPERS.items() if "local use" not in kind])
def test_a_public_address_is_let_through_in_every_wrapping(wrap: Any) -> None:
    assert refusal(wrap(IPv4Address("8.8.8.8"))) is None
