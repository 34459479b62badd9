"""Standard Webhooks: the signature that lets a receiver trust a message (https://www.standardwebhooks.com)."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from kaireon.secrets.signing import PREFIX


def signature_headers(*, message_id: str, body: bytes, signing_secrets: Sequence[str], now: datetime) -> dict[str, str]:
    """The three headers, signed with each of `signing_secrets` (`whsec_…`), the current one first."""
    timestamp = str(int(now.timestamp()))
    signed = b".".join([message_id.encode(), timestamp.encode(), body])
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{_signature(secret, signed)}" for secret in signing_secrets),
    }


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
