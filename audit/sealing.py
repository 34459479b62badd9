"""Sealing: batches of settled entries, each bound to the batch before, in the background.

Nothing is done where entries are written. What is not sealed yet can be changed unnoticed by whoever can switch off
PostgreSQL's triggers; that is some seconds' worth.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from audit.digests import DIGEST_BYTES, StoredEntry, digest_of_seal, marks_as_bytes, read_entries, root_of
from audit.keys import Key, sealing_key
from audit.models import Seal
from audit.settling import settled_id
from kaireon.core import clock

logger = logging.getLogger(__name__)

BATCH_SIZE = 1000
# In one transaction: with few of them, how busy the machine is hardly matters.
BATCHES_AT_A_TIME = 10
NOTHING_BEFORE = bytes(DIGEST_BYTES)
# One number of PostgreSQL's advisory locks that nothing else here uses: others take two.
_LOCK = 0x6175_6469_74


@dataclass(frozen=True, slots=True)
class Sealed:
    """What a run has done. `is_done` where all that was settled is sealed; else another run goes on."""

    seals: int = 0
    entries: int = 0
    is_done: bool = True


def seal(*, run_seconds: float, patience_seconds: float, batch_size: int = BATCH_SIZE) -> Sealed:
    """Seals what is settled, batch by batch, for at most about `run_seconds`.

    Does nothing where another process is at it. Raises KeysUnusable, and Unsettled.
    """
    key = sealing_key()
    up_to = settled_id(patience_seconds=patience_seconds)
    deadline = time.monotonic() + run_seconds
    seals = entries = 0
    newest: Seal | None = None
    while made := _seal_some(key, up_to=up_to, batch_size=batch_size, now=clock.now()):
        newest = made[-1]
        seals += len(made)
        entries += sum(one.count for one in made)
        if newest.last_id >= up_to or time.monotonic() > deadline:
            break
    if newest is None:
        return Sealed()
    logger.info(
        "Audit log sealed up to entry %d; head %s",
        newest.last_id,
        newest.head,
        extra={"audit_head": newest.head, "audit_entries": entries},
    )
    return Sealed(seals, entries, is_done=newest.last_id >= up_to)


def newest_seal() -> Seal | None:
    """The last seal of the chain, without its marks."""
    return Seal.objects.defer("marks").order_by("-number").first()


def hold_sealing() -> None:
    """Nothing is sealed by others until the caller's transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


@transaction.atomic
def _seal_some(key: Key, *, up_to: int, batch_size: int, now: datetime) -> list[Seal]:
    """The next few seals; none where nothing is left up to there, or somebody else is at it."""
    if not _try_to_hold_sealing():
        return []
    before = newest_seal()
    first = before.last_id + 1 if before is not None else 1
    entries = read_entries(first=first, last=up_to, limit=batch_size * BATCHES_AT_A_TIME)
    made: list[Seal] = []
    for start in range(0, len(entries), batch_size):
        before = _next_seal(key, before, entries[start : start + batch_size], now=now)
        made.append(before)
    return Seal.objects.bulk_create(made)


def _next_seal(key: Key, before: Seal | None, entries: Sequence[StoredEntry], *, now: datetime) -> Seal:
    marks = marks_as_bytes(entries, key)
    seal = Seal(
        number=before.number + 1 if before is not None else 1,
        first_id=entries[0].id,
        last_id=entries[-1].id,
        count=len(entries),
        marks=marks,
        root=root_of(marks),
        previous=bytes(before.digest) if before is not None else NOTHING_BEFORE,
        key_id=key.id,
        sealed_at=now,
    )
    seal.digest = digest_of_seal(key, seal)
    return seal


def _try_to_hold_sealing() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        return bool(cursor.fetchone()[0])
