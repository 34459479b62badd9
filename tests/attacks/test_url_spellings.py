"""However the address of an inner host is spelt in a URL, no connection is begun.

Each spelling goes the whole way that a webhook goes: parsed, resolved by the system's own resolver, checked. A
connection would be noticed.
"""

import socket
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from kaireon.delivery import http
from kaireon.delivery.addresses import TargetRefused
from kaireon.delivery.http import SendFailed, send

INNER = ("127.0.0.1", "10.0.0.1", "169.254.169.254", "172.16.0.1", "192.168.1.1", "0.0.0.0", "100.100.100.200")
NUMBERS: dict[str, Callable[[int], str]] = {
    "decimal": str,
    "hexadecimal": hex,
    "HEXADECIMAL": lambda number: f"0X{number:X}",
    "padded hexadecimal": lambda number: f"0x{number:08x}",
    "octal": lambda number: f"0{number:o}",
    "padded octal": lambda number: f"0{number:012o}",
}


def _parts(address: str, count: int) -> list[int]:
    """The address as `inet_aton` takes it in one to four numbers, the last of which takes what is left."""
    octets = [int(part) for part in address.split(".")]
    rest = 0
    for octet in octets[count - 1 :]:
        rest = rest << 8 | octet
    return [*octets[: count - 1], rest]


def _numeric(address: str) -> list[str]:
    """Every mixture of bases and numbers of parts, with and without a dot behind it."""
    return [
        ".".join(write(part) for write, part in zip(writers, _parts(address, count), strict=True))
        for count in (1, 2, 3, 4)
        for writers in product(NUMBERS.values(), repeat=count)
    ]


def _other_scripts(address: str) -> list[str]:
    """Digits and full stops that IDNA reads as the plain ones, and some that it refuses."""
    digits = (
        "０１２３４５６７８９",  # fullwidth
        "⁰¹²³⁴⁵⁶⁷⁸⁹",
        "₀₁₂₃₄₅₆₇₈₉",
        "⓪①②③④⑤⑥⑦⑧⑨",
        "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗",
        "𝟶𝟷𝟸𝟹𝟺𝟻𝟼𝟽𝟾𝟿",
        "٠١٢٣٤٥٦٧٨٩",  # Arabic
        "०१२३४५६७८९",  # Devanagari
    )
    stops = (".", "。", "．", "｡", "․", "‧")
    return [
        address.translate(str.maketrans("0123456789", script)).replace(".", stop)
        for script in (*digits, "0123456789")
        for stop in stops
        if (script, stop) != ("0123456789", ".")
    ]


def _in_ipv6(address: str) -> list[str]:
    first, second, third, fourth = (int(part) for part in address.split("."))
    high, low = first << 8 | second, third << 8 | fourth
    texts = []
    for prefix in ("::ffff:", "::FFFF:", "0:0:0:0:0:ffff:", "0000:0000:0000:0000:0000:ffff:", "::ffff:0:", "::",
                   "64:ff9b::", "64:ff9b:1::", "0064:ff9b:0:0:0:0:"):  # fmt: skip
        texts += [f"{prefix}{address}", f"{prefix}{high:x}:{low:x}", f"{prefix}{high:04X}:{low:04X}"]
    texts += [f"2002:{high:x}:{low:x}::", f"2002:{high:x}:{low:x}:1:2:3:4:5", f"2606:4700::5efe:{high:x}:{low:x}"]
    return [f"[{text}]" for text in texts]


def _zones() -> list[str]:
    return [
        f"[{address}{zone}]"
        for address in ("fe80::1", "::1", "::ffff:127.0.0.1", "fc00::1")
        for zone in ("%eth0", "%25eth0", "%1", "%lo", "%", "%25", "%00", "%0d%0a")
    ]


def _disguises(address: str) -> list[str]:
    """Whole authorities that one reader takes for a public host, and another for the inner address."""
    percent = "".join(f"%{ord(character):02x}" for character in address)
    public = "hooks.example.com"
    return [
        percent, percent.replace("%2e", "."), f"%{percent}", f"{address}%00", f"{address}%2f.example.com",
        f"{address}%20", f"{address}%09", f"{public}@{address}", f"{public}:80@{address}", f"{public}%40{address}",
        f"{address}@{public}", f"@{address}", f":@{address}", f"{public}\\@{address}", f"{address}\\@{public}",
        f"{address}\\.{public}", f"{public}#@{address}", f"{public}#\\@{address}", f"{address}#@{public}",
        f"{address}?@{public}", f"{public};@{address}", f"{public}@{public}@{address}",
        f"{address}\t", f"\t{address}", f"{address[:3]}\t{address[3:]}", f"{address[:3]}\n{address[3:]}",
        f"{address[:3]}\r{address[3:]}", f"{address}\x00", f"{address}\x0b", f"{address} ", f" {address}",
        f"{address}\x00.{public}", f"{address}\r\nHost: {public}", f"{address}:", f"{address}:80", f"{address}:080",
        f"{address}:+80", f"{address}:８０", f"{address}: 80", f"{address}:80:80", f"{address}..", f".{address}",
        f"{address}.", f"{address}.:80", f"[{address}]", f"[{address}", f"{address}]", f"[v4.{address}]",
        f"[{address}]@{public}", f"{address}\u200b", f"\u200b{address}", f"{address}\xad", f"{address}\u2060",
        f"{address}\ufeff", f"{address}\u2044", f"{address}\uff0f.{public}", f"{address}\u2100.{public}",
        f"{address}\uff03@{public}", f"{address}\u202e", f"{address}\x85", f"{address}\u2028", f"{address}\xa0",
    ]  # fmt: skip


NAMES = (
    "localhost", "LOCALHOST", "localhost.", "LocalHost.", "a.localhost", "a.b.localhost.", "ｌｏｃａｌｈｏｓｔ",
    "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "local\xadhost", "localhost\u3002", "ℓocalhost", "localhoſt",
)  # fmt: skip
ODD_SCHEMES = (
    "file:///etc/passwd", "gopher://127.0.0.1:6379/_FLUSHALL", "dict://127.0.0.1:11211/", "ftp://127.0.0.1/",
    "ldap://127.0.0.1/", "jar:http://127.0.0.1!/", "data:text/plain,x", "javascript:alert(1)", "unix:///run/redis.sock",
    "http+unix://%2Frun%2Fredis.sock/", "netdoc:///etc/passwd", "ws://127.0.0.1/", "//127.0.0.1/", "/\\127.0.0.1/",
    "http:/127.0.0.1/", "http:127.0.0.1/", "http:///127.0.0.1/", "http:\\\\127.0.0.1\\", "ht\ttp://127.0.0.1/",
    "\x01http://127.0.0.1/", " http://127.0.0.1/", "HTTP://127.0.0.1/", "http://127.0.0.1/\r\nX: 1",
)  # fmt: skip

HOSTS = [
    host
    for address in INNER
    for host in (
        *_numeric(address),
        *(f"{spelling}." for spelling in _numeric(address)[:42]),
        *_other_scripts(address),
        *_in_ipv6(address),
        *_disguises(address),
    )
]  # fmt: skip
URLS = [*(f"http://{host}/" for host in (*HOSTS, *_zones(), *NAMES)), *ODD_SCHEMES]
# A host in front of these is the public one, by every reading: what follows belongs to path, query or fragment.
LEADS_OUT = {
    f"http://{form.format(public='hooks.example.com', inner=address)}/"
    for address in INNER
    for form in ("{public}#@{inner}",)
}
CASES = {
    "test_no_spelling_of_an_inner_address_is_connected_to": len(URLS),
    "test_a_public_host_stays_the_one_that_is_asked": len(LEADS_OUT),
}


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The addresses that a connection was begun to. Names resolve to nothing; numbers as the system reads them."""
    real = socket.getaddrinfo

    def numbers_alone(host: str, *args: Any, **kwargs: Any) -> Any:
        if host == "hooks.example.com":
            host = "93.184.215.14"
        elif host.rstrip(".").endswith("localhost"):
            host = "127.0.0.1"
        return real(host, *args, **{**kwargs, "flags": socket.AI_NUMERICHOST})

    found: list[Any] = []

    def connect(addresses: Any, deadline: Any) -> Any:
        found.extend(address.address[0] for address in addresses)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", numbers_alone)
    monkeypatch.setattr(http, "connect", connect)
    return found


def test_no_spelling_of_an_inner_address_is_connected_to(connected: list[Any]) -> None:
    passed = []
    for url in URLS:
        try:
            send(method="POST", url=url, headers={}, body=b"{}")
        except (TargetRefused, SendFailed):
            if connected and url not in LEADS_OUT:
                passed.append((url, list(connected)))
            connected.clear()
    assert passed == []


def test_a_public_host_stays_the_one_that_is_asked(connected: list[Any]) -> None:
    """The other half of the disguises: what looks like the inner address is only a fragment."""
    for url in sorted(LEADS_OUT):
        with pytest.raises(SendFailed):
            send(method="POST", url=url, headers={}, body=b"{}")
        assert connected == ["93.184.215.14"], url
        connected.clear()
