"""The installation's signing secret (`whsec_…`, as Standard Webhooks has it): made on first use, rotated by admins."""

import base64
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from audit.log import NewEntry, record
from kaireon.core.errors import Conflict
from kaireon.secrets.encryption import decrypt, encrypt
from kaireon.secrets.models import SigningSecret
from kaireon.secrets.vault import SIGNING_SUBJECT

PREFIX = "whsec_"
OVERLAP = timedelta(hours=24)
MOST_THAT_SIGN = 10
"""A message carries a signature for each: with a hundred of them receivers would refuse it for its long header."""


@dataclass(frozen=True, slots=True)
class CurrentSigningSecret:
    """What an admin sees. `previous_valid_until` is None where no earlier secret signs any more."""

    secret: str
    created_at: datetime
    previous_valid_until: datetime | None


def current(*, now: datetime) -> CurrentSigningSecret:
    """The current signing secret, made if there is none yet. Raises VaultUnusable."""
    rows = _signing_rows(now)
    newest = rows[0]
    return CurrentSigningSecret(
        secret=decrypt(bytes(newest.ciphertext)),
        created_at=newest.created_at,
        previous_valid_until=newest.created_at + OVERLAP if len(rows) > 1 else None,
    )


def signing_secrets(*, now: datetime) -> list[str]:
    """The secrets that a webhook sent now is signed with, the current one first. Raises VaultUnusable."""
    return [decrypt(bytes(row.ciphertext)) for row in _signing_rows(now)]


@transaction.atomic
def rotate(*, now: datetime) -> CurrentSigningSecret:
    """Makes a new current secret; the old one goes on to sign beside it for `OVERLAP`.

    Raises Conflict if somebody else rotates at this moment, VaultUnusable.
    """
    number = _signing_rows(now)[0].number + 1
    try:
        with transaction.atomic():
            SigningSecret.objects.create(number=number, ciphertext=encrypt(_new_secret()), created_at=now)
    except IntegrityError:
        raise Conflict("The signing secret was rotated by somebody else at this moment; read it again.") from None
    signing = [row.number for row in _signing_rows(now)]
    SigningSecret.objects.exclude(number__in=signing).delete()
    record(NewEntry(action="signing_secret.rotated", subject=SIGNING_SUBJECT, facts={"number": number}))
    return current(now=now)


def _signing_rows(now: datetime) -> list[SigningSecret]:
    """The current one, then those that it or a later one replaced less than `OVERLAP` ago, `MOST_THAT_SIGN` at most."""
    rows = list(SigningSecret.objects.order_by("-number"))
    if not rows:
        rows = [_first(now)]
    replaced = zip(rows, rows[1:], strict=False)
    signing = [rows[0], *(older for newer, older in replaced if now < newer.created_at + OVERLAP)]
    return signing[:MOST_THAT_SIGN]


@transaction.atomic
def _first(now: datetime) -> SigningSecret:
    ours = SigningSecret(number=1, ciphertext=encrypt(_new_secret()), created_at=now)
    # Of two that come first, one waits here for the other, and then finds the other's row.
    SigningSecret.objects.bulk_create([ours], ignore_conflicts=True)
    stored = SigningSecret.objects.order_by("-number")[0]
    if bytes(stored.ciphertext) == bytes(ours.ciphertext):
        record(NewEntry(action="signing_secret.created", subject=SIGNING_SUBJECT, facts={"number": 1}))
    return stored


def _new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
