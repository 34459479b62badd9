"""Public ids: prefixed strings that can be read aloud, sorted by time, or derived again.

* named things get a slug of their name (`trg_high_value_purchase`);
* events get a time-ordered id (`evt_…`);
* a firing's id is derived from its event and trigger, so that it is the same on every try.
"""

import hashlib
import re
import secrets
import time
import unicodedata
from collections.abc import Callable
from datetime import datetime

ID_MAX_LENGTH = 128
GIVEN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@-]{0,127}\Z")
GIVEN_ID_RULE = "1 to 128 letters, digits and ._:@- beginning with a letter or digit"
CUSTOMER_ID_MAX_LENGTH = 255
CUSTOMER_ID_RULE = "1 to 255 characters without control characters, not beginning or ending with a blank"

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
# Two digits at once: an id is made for each event and each firing.
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
_SHIFTS = range(120, -1, -10)


def slug_id(prefix: str, name: str, *, taken: Callable[[str], bool]) -> str:
    """`prefix` + a slug of `name`; while `taken` says that the id exists, a numbered suffix is tried."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "_", ascii_name.lower()).strip("_")[:60].strip("_") or _random(10)
    candidate = f"{prefix}{slug}"
    number = 1
    while taken(candidate):
        number += 1
        candidate = f"{prefix}{slug}_{number}" if number < 100 else f"{prefix}{slug}_{_random(8)}"
    return candidate


def time_ordered_id(prefix: str) -> str:
    """`prefix` + 26 characters: 48 bits of milliseconds, then 80 random bits, so that text order is time order."""
    return time_ordered_ids(prefix, 1)[0]


def time_ordered_ids(prefix: str, count: int) -> list[str]:
    """So many of them, in no order. The system is asked for random bytes once."""
    moment = time.time_ns() // 1_000_000 << 80
    random = secrets.token_bytes(10 * count)
    return [
        prefix + _base32(moment | int.from_bytes(random[start : start + 10], "big"))
        for start in range(0, len(random), 10)
    ]


def first_id_at(prefix: str, moment: datetime) -> str:
    """The smallest id that `time_ordered_id` can give in that millisecond: a bound for lists in the order of ids."""
    return prefix + _base32(max(0, int(moment.timestamp() * 1000)) << 80)


def derived_id(prefix: str, *parts: str) -> str:
    """`prefix` + 26 characters that depend on `parts` alone."""
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    return prefix + _base32(int.from_bytes(digest[:16], "big"))


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _base32(number: int) -> str:
    """26 digits, which 128 bits fit into."""
    return "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])


def is_customer_id(text: str) -> bool:
    """Whether `text` can name a customer. Customer ids are the caller's own and opaque to us."""
    return 0 < len(text) <= CUSTOMER_ID_MAX_LENGTH and text.isprintable() and text == text.strip()
