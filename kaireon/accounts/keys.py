"""Issuing, finding and revoking API keys."""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Q
from django.dispatch import Signal

from kaireon.accounts.models import ApiKey
from kaireon.core import clock

PREFIX = "krn_"

# Asked by every request of a program: Django takes four times as long to write this as PostgreSQL to answer it.
_FIELDS = [field.attname for field in ApiKey._meta.concrete_fields]
_FIND = f"SELECT {', '.join(_FIELDS)} FROM accounts_apikey WHERE key_hash = ANY(%s) AND revoked_at IS NULL"
# For others' statements: whether all keys with these hashes, each given once, are still good.
ARE_LIVING = """
    SELECT count(*) = cardinality(%(hashes)s::text[]) FROM accounts_apikey
     WHERE key_hash = ANY(%(hashes)s::text[]) AND revoked_at IS NULL
"""
_USE_IS_NOTED_EVERY = timedelta(minutes=1)
_MOST_REMEMBERED = 1_000
_remembered: dict[str, ApiKey] = {}

# Sent inside the transaction that changes a key: `action` ("key.created", "key.revoked") and `key`. The audit log,
# which stands above this package, listens and writes its entry in the same transaction.
key_changed = Signal()


@transaction.atomic
def create_key(*, name: str, role: str) -> tuple[ApiKey, str]:
    """A new key and its plain text, which can't be had again."""
    plain = PREFIX + secrets.token_urlsafe(32)
    key = ApiKey.objects.create(name=name, role=role, prefix=plain[:10], key_hash=_hash(plain))
    key_changed.send(sender=ApiKey, action="key.created", key=key)
    return key, plain


@transaction.atomic
def revoke_key(*, key: ApiKey) -> None:
    """Ends a key at once. Revoking it again changes nothing."""
    revoked = ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=clock.now())
    if revoked:
        key_changed.send(sender=ApiKey, action="key.revoked", key=key)


def find_key(plain: str, *, now: datetime) -> ApiKey | None:
    """The living key with that text; its use is noted once a minute at most."""
    return find_keys([plain], now=now).get(plain)


def find_keys(plains: Collection[str], *, now: datetime) -> dict[str, ApiKey]:
    """The same for many, by their texts; those that are no living keys are left out."""
    by_hash = {_hash(plain): plain for plain in plains if plain.startswith(PREFIX) and plain.isascii()}
    if not by_hash:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_FIND, [list(by_hash)])
        rows = cursor.fetchall()
    found = [ApiKey.from_db(connection.alias, _FIELDS, row) for row in rows]
    minute_ago = now - _USE_IS_NOTED_EVERY
    to_note = [key.pk for key in found if key.last_used_at is None or key.last_used_at < minute_ago]
    if to_note:
        unused = Q(last_used_at=None) | Q(last_used_at__lt=minute_ago)
        ApiKey.objects.filter(unused, pk__in=to_note).update(last_used_at=now)
    _remember(found, noted=set(to_note), now=now)
    return {by_hash[key.key_hash]: key for key in found}


def remembered_keys(plains: Collection[str], *, now: datetime) -> dict[str, ApiKey] | None:
    """The keys with these texts as `find_keys` has found them before; None where it has to be asked.

    What a key may do never changes, but it may have been revoked since: only a statement that asks for ARE_LIVING may
    go by this. It holds until the keys' use is to be noted again.
    """
    keys = {plain: _remembered.get(_hash(plain)) for plain in plains}
    minute_ago = now - _USE_IS_NOTED_EVERY
    good = {plain: key for plain, key in keys.items() if key and key.last_used_at and key.last_used_at >= minute_ago}
    return good if len(good) == len(keys) else None


def _remember(keys: Collection[ApiKey], *, noted: Collection[str], now: datetime) -> None:
    if len(_remembered) + len(keys) > _MOST_REMEMBERED:
        _remembered.clear()
    for key in keys:
        if key.pk in noted:
            key.last_used_at = now
        _remembered[key.key_hash] = key


def _hash(plain: str) -> str:
    return hashlib.sha256(plain.encode()).hexdigest()
