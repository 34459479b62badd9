"""The keys of the audit log's seals: the first of `settings.AUDIT_KEYS` seals, each of them verifies.

Whoever has a key can forge seals, so the keys stand in the environment, where the database's superuser doesn't see
them.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings

from kaireon.core.errors import ServiceUnavailable

HOW_TO_MAKE_A_KEY = (
    "Make a key with: python -c 'import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())'"
)
KEY_BYTES = 32


class KeysUnusable(ServiceUnavailable):
    """There is no key, one is malformed, or the one that is needed is not there. The operator has to mend it."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key. `id` tells it from others without telling anything about it."""

    id: str
    _secret: bytes

    def __repr__(self) -> str:
        return f"Key({self.id})"

    def digest(self, purpose: bytes, message: bytes) -> bytes:
        """32 bytes that nobody can make without the key. No two purposes share a digest."""
        return hmac.digest(self._secret, purpose + b"\0" + message, "sha256")


def sealing_key() -> Key:
    """The key that seals from now on. Raises KeysUnusable."""
    return next(iter(keyring().values()))


def keyring() -> Mapping[str, Key]:
    """All keys by their ids, the sealing one first. Raises KeysUnusable."""
    keys = tuple(settings.AUDIT_KEYS)
    if not keys:
        raise KeysUnusable(
            "The audit log can't be sealed, verified or erased from: KAIREON_AUDIT_KEYS is not set. Ask the operator to"
            " set it."
        )
    return _read(keys)


@lru_cache(maxsize=4)
def _read(keys: tuple[str, ...]) -> Mapping[str, Key]:
    ring: dict[str, Key] = {}
    for number, text in enumerate(keys, start=1):
        try:
            secret = base64.b64decode(text.encode(), altchars=b"-_", validate=True)
        except (ValueError, binascii.Error):
            secret = b""
        if len(secret) != KEY_BYTES:
            raise KeysUnusable(
                f"Key {number} of KAIREON_AUDIT_KEYS is malformed: it must be {KEY_BYTES} bytes in URL-safe base64."
            )
        key = Key(hashlib.sha256(b"kaireon audit key\0" + secret).hexdigest()[:16], secret)
        ring.setdefault(key.id, key)
    return ring
