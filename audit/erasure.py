"""Erasing the facts of a customer's entries. All else of an entry stays: what happened, when, to which customer's id.

The database lets it happen to entries of customers that the log says were erased, and to nothing of them but the facts.
"""

from collections.abc import Sequence
from typing import Any

from django.db import connection, transaction

from audit.digests import ERASED_FACTS, read_entries
from audit.keys import Key, KeysUnusable, keyring, sealing_key
from audit.log import NewEntry, record
from audit.sealing import hold_sealing
from kaireon.core.erasing import Batch

STARTED = "customer.erasure_started"
"""The entry without which the database refuses to erase anything."""
ENDED = "customer.erased"

_TAKE = """
    SELECT id, facts_digest IS NULL AND facts <> '{}' AND action <> ALL(%s) FROM audit_entry
    WHERE customer_id = %s AND id < %s ORDER BY id DESC LIMIT %s
"""
_NEWEST_ID = 2**63 - 1
_ERASE = """
    UPDATE audit_entry SET facts = %s, facts_digest = erased.digest
    FROM unnest(%s::bigint[], %s::bytea[]) AS erased(id, digest)
    WHERE audit_entry.id = erased.id
"""


def note_start(*, customer_id: str) -> None:
    """Puts it into the log that somebody asked for it, before anything is erased."""
    record(NewEntry(action=STARTED, subject=customer_id, customer_id=customer_id))


def note_end(*, customer_id: str, facts: dict[str, Any]) -> None:
    """Puts into the log what was done. `facts` are counts: nothing about the customer."""
    record(NewEntry(action=ENDED, subject=customer_id, customer_id=customer_id, facts=facts))


@transaction.atomic
def erase_entries(customer_id: str, *, after: Any, limit: int) -> Batch:
    """Erases the facts of the next `limit` entries, newest first.

    Nothing is sealed meanwhile, so that which key an entry's digest needs is known: that of its seal; for one that is
    not sealed yet any will do, since the seal will cover the digest. Raises KeysUnusable.
    """
    hold_sealing()
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [[STARTED, ENDED], customer_id, after or _NEWEST_ID, limit])
        rows: list[tuple[int, bool]] = cursor.fetchall()
        ids = sorted(entry_id for entry_id, is_to_be_erased in rows if is_to_be_erased)
        if ids:
            found = read_entries(first=ids[0], last=ids[-1], limit=len(ids), ids=ids)
            digests = [entry.digest_of_facts(key) for key, entry in zip(_keys_of(ids), found, strict=True)]
            cursor.execute(_ERASE, [ERASED_FACTS, ids, digests])
    return Batch(len(ids), rows[-1][0] if len(rows) == limit else None)


_KEYS = """
    SELECT (SELECT key_id FROM audit_seal WHERE last_id >= given.id ORDER BY last_id LIMIT 1)
    FROM unnest(%s::bigint[]) WITH ORDINALITY AS given(id, place) ORDER BY place
"""


def _keys_of(entry_ids: Sequence[int]) -> list[Key]:
    ring = keyring()
    with connection.cursor() as cursor:
        cursor.execute(_KEYS, [list(entry_ids)])
        key_ids = [row[0] for row in cursor.fetchall()]
    missing = sorted({key_id for key_id in key_ids if key_id is not None} - ring.keys())
    if missing:
        raise KeysUnusable(
            f"Entries were sealed with the key {missing[0]}, which is not in KAIREON_AUDIT_KEYS: put it back,"
            " so that they can still be verified when they are erased."
        )
    return [sealing_key() if key_id is None else ring[key_id] for key_id in key_ids]
