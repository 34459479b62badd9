"""Where messages may go: http and https, to public addresses and to the networks that the operator admits.

A name is resolved once. Every answer is checked, and one of exactly these addresses is connected to.
"""

import ipaddress
import re
import socket
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, TypeAlias
from urllib.parse import SplitResult, urlsplit

import idna
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

SETTING = "KAIREON_WEBHOOK_ALLOWED_NETWORKS"
MAX_URL_LENGTH = 8192
_DEFAULT_PORTS = {"http": 80, "https": 443}
_NAME = re.compile(r"(?!.{254})([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.?\Z")
_NO_HOST = "The URL's host is not a valid name or address."
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\\]")

# IANA's special-purpose registries of both families, the multicast ranges, and two that are special by use. Prefixes
# that carry an IPv4 address (mapped, 6to4, Teredo, NAT64) are not here: the address inside is what counts.
_SPECIAL_RANGES = {
    "0.0.0.0/8": "this network",
    "10.0.0.0/8": "private use",
    "100.64.0.0/10": "shared address space of carriers",
    "127.0.0.0/8": "loopback",
    "168.63.129.16/32": "platform services of a cloud provider",
    "169.254.0.0/16": "link-local, cloud metadata",
    "172.16.0.0/12": "private use",
    "192.0.0.0/24": "IETF protocol assignments",
    "192.0.2.0/24": "documentation",
    "192.31.196.0/24": "AS112",
    "192.52.193.0/24": "multicast tunnelling",
    "192.88.99.0/24": "6to4 relays",
    "192.168.0.0/16": "private use",
    "192.175.48.0/24": "AS112",
    "198.18.0.0/15": "benchmarking",
    "198.51.100.0/24": "documentation",
    "203.0.113.0/24": "documentation",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved, broadcast",
    "::/128": "unspecified",
    "::1/128": "loopback",
    "64:ff9b:1::/48": "NAT64 for local use",
    "100::/64": "discard only",
    "100:0:0:1::/64": "dummy prefix",
    "2001::/23": "IETF protocol assignments",
    "2001:db8::/32": "documentation",
    "2620:4f:8000::/48": "AS112",
    "3fff::/20": "documentation",
    "5f00::/16": "segment routing",
    "fc00::/7": "unique local",
    "fe80::/10": "link-local",
    "fec0::/10": "site-local",
    "ff00::/8": "multicast",
}
_SPECIAL_NETWORKS = [(ipaddress.ip_network(text), name) for text, name in _SPECIAL_RANGES.items()]
_GLOBAL_UNICAST_IPV6 = IPv6Network("2000::/3")
_UNSPECIFIED, _LOOPBACK = IPv6Address("::"), IPv6Address("::1")
_6TO4, _TEREDO = IPv6Network("2002::/16"), IPv6Network("2001::/32")
_CARRIERS = [
    _6TO4,
    _TEREDO,
    IPv6Network("::/96"),  # compatible
    IPv6Network("::ffff:0:0/96"),  # mapped
    IPv6Network("::ffff:0:0:0/96"),  # translated
    IPv6Network("64:ff9b::/96"),  # NAT64
]
# The last 64 bits of an ISATAP address: 0000:5efe or 0200:5efe, then the IPv4 address.
_ISATAP = {0x00005EFE, 0x02005EFE}


class TargetRefused(Exception):
    """A URL that nothing is sent to, whenever it is tried. The text says which rule it breaks, and how to mend it."""


@dataclass(frozen=True, slots=True)
class Target:
    """A checked URL. `host` is a lower-case ASCII name, or an address (IPv6 without brackets)."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def url(self) -> str:
        """The URL to request. It has no room for two readings of where the host begins and ends."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"


@dataclass(frozen=True, slots=True)
class SocketAddress:
    """What `socket.connect` takes."""

    family: socket.AddressFamily
    address: tuple[Any, ...]


def check_url(url: str) -> None:
    """Checks what can be checked without the network: syntax, scheme, and an address that stands there as a number.

    Raises TargetRefused.
    """
    target = parse(url)
    literal = _literal_address(target.host)
    if literal is not None:
        _check_address(literal, allowed_networks())


def parse(url: str) -> Target:
    """The parts of `url`, normalised. Raises TargetRefused."""
    if len(url) > MAX_URL_LENGTH:
        raise TargetRefused(f"The URL is longer than {MAX_URL_LENGTH} characters.")
    if _UNSAFE.search(url) or url != url.strip():
        raise TargetRefused("The URL has a control character, a backslash, or blanks around it; percent-encode it.")
    try:
        parts = urlsplit(url)
        port = parts.port
        host = parts.hostname or ""
    except ValueError:
        raise TargetRefused("The URL is malformed; write it as https://host/path.") from None
    scheme = parts.scheme.lower()
    if "[" in parts.netloc and ":" not in host:
        raise TargetRefused(_NO_HOST)
    if scheme not in _DEFAULT_PORTS or not host:
        raise TargetRefused("The URL must begin with https:// or http:// and a host.")
    if "@" in parts.netloc:
        raise TargetRefused("The URL must not hold a user name or password; send them in an Authorization header.")
    if port == 0:
        raise TargetRefused("The URL's port must be 1 to 65535.")
    return Target(scheme, _ascii_host(host), port or _DEFAULT_PORTS[scheme], _path(parts))


def resolve(target: Target) -> list[SocketAddress]:
    """The addresses of `target`, each of them checked.

    Raises TargetRefused, and OSError where the name does not resolve.
    """
    allowed = allowed_networks()
    literal = _literal_address(target.host)
    if literal is not None:
        _check_address(literal, allowed)
    found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    addresses = []
    for family, _, _, _, address in found:
        _check_address(ipaddress.ip_address(address[0]), allowed)
        addresses.append(SocketAddress(family, address))
    if not addresses:
        raise OSError("the name has no address")
    return addresses


def refusal(address: Address, allowed: tuple[Network, ...] = ()) -> str | None:
    """Why nothing is sent to `address`; None where it is public or admitted."""
    if any(address in network for network in allowed if network.version == address.version):
        return None
    for inner in _carried(address):
        reason = refusal(inner, allowed)
        if reason is not None:
            return f"{address}, which carries {reason}"
    if _is_mere_carrier(address):
        return None
    for network, name in _SPECIAL_NETWORKS:
        if network.version == address.version and address in network:
            return f"{address}, which is in {network} ({name})"
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST_IPV6:
        return f"{address}, which is not in {_GLOBAL_UNICAST_IPV6} (global unicast)"
    # The standard library's own tables, for what they know and the table above does not.
    return None if address.is_global else f"{address}, which is not a global address"


def allowed_networks() -> tuple[Network, ...]:
    """`settings.WEBHOOK_ALLOWED_NETWORKS`. Raises ImproperlyConfigured."""
    return _networks(tuple(settings.WEBHOOK_ALLOWED_NETWORKS))


@lru_cache(maxsize=8)
def _networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    networks = []
    for text in texts:
        try:
            networks.append(ipaddress.ip_network(text))
        except ValueError as error:
            raise ImproperlyConfigured(
                f"{SETTING}: {error}. Write networks as 10.20.0.0/16, with commas between."
            ) from None
    return tuple(networks)


def _ascii_host(host: str) -> str:
    if ":" in host and "%" not in host:
        try:
            return str(IPv6Address(host))
        except ValueError:
            raise TargetRefused(_NO_HOST) from None
    try:
        name = host.lower() if host.isascii() else idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        name = ""
    if not _NAME.match(name):
        raise TargetRefused(_NO_HOST)
    return name


def _path(parts: SplitResult) -> str:
    path = parts.path or "/"
    return f"{path}?{parts.query}" if parts.query else path


def _literal_address(host: str) -> Address | None:
    """The address that `host` spells: dotted, as one number, octal, hexadecimal; and the name that always is one."""
    name = host.rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return IPv4Address("127.0.0.1")
    if ":" in name:
        return IPv6Address(name)
    try:
        return IPv4Address(socket.inet_aton(name))
    except OSError:
        return None


def _check_address(address: Address, allowed: tuple[Network, ...]) -> None:
    reason = refusal(address, allowed)
    if reason is not None:
        raise TargetRefused(
            f"The URL leads to {reason}. Messages are sent to public addresses alone; an operator can admit a network"
            f" with {SETTING}."
        )


def _carried(address: Address) -> list[IPv4Address]:
    """The IPv4 addresses that a mapped, translated or tunnelled one leads to."""
    if isinstance(address, IPv4Address):
        return []
    bits = int(address)
    if address in _TEREDO:
        return [IPv4Address(bits >> 64 & 0xFFFFFFFF), IPv4Address(~bits & 0xFFFFFFFF)]
    if address in _6TO4:
        return [IPv4Address(bits >> 80 & 0xFFFFFFFF)]
    if _is_mere_carrier(address) or bits >> 32 & 0xFFFFFFFF in _ISATAP:
        return [IPv4Address(bits & 0xFFFFFFFF)]
    return []


def _is_mere_carrier(address: Address) -> bool:
    """Whether the IPv4 address inside decides alone."""
    return address not in (_UNSPECIFIED, _LOOPBACK) and any(address in network for network in _CARRIERS)
