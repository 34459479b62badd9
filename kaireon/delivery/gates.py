"""Whoever has deliveries queued is asked again before each attempt: a paused trigger holds, a disabled one cancels.

Sources register a gate at start-up; delivery knows none of them.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from enum import Enum

from django.db import transaction

from kaireon.delivery.models import Delivery, Status
from kaireon.delivery.waking import wake_on_commit


class Verdict(Enum):
    """What a source says about what it has queued."""

    SEND = "send"
    HOLD = "hold"
    CANCEL = "cancel"


Gate = Callable[[Collection[str]], Mapping[str, Verdict]]
"""Takes ids of its source. It runs in the transaction that claims deliveries and may lock its own rows, so that what it
says holds until the claim is committed. An id that it leaves out is gone: CANCEL."""

_gates: dict[str, Gate] = {}


def register(source: str, gate: Gate) -> None:
    """Makes `gate` answer for deliveries of `source`. A source without a gate is always sent."""
    _gates[source] = gate


def ask(sources: Collection[tuple[str, str]]) -> dict[tuple[str, str], Verdict]:
    """A verdict for each (source, source id); each gate is called once."""
    verdicts: dict[tuple[str, str], Verdict] = {}
    for source in {source for source, _ in sources}:
        ids = {source_id for found, source_id in sources if found == source}
        gate = _gates.get(source)
        answers = dict.fromkeys(ids, Verdict.SEND) if gate is None else gate(ids)
        verdicts |= {(source, source_id): answers.get(source_id, Verdict.CANCEL) for source_id in ids}
    return verdicts


@transaction.atomic
def release(*, source: str, source_id: str, now: datetime) -> int:
    """Makes held deliveries due, in the order in which they were queued; called when a trigger is resumed."""
    released = Delivery.objects.filter(source=source, source_id=source_id, status=Status.HELD).update(
        status=Status.PENDING, reason="", next_attempt_at=now
    )
    if released:
        wake_on_commit()
    return released


@transaction.atomic
def cancel(*, source: str, source_id: str, reason: str) -> int:
    """Cancels what is waiting or held; called when a trigger is disabled or deleted.

    One that a sender has locked at this moment is passed over, since that sender may be waiting in its gate for the
    very row that our caller has locked. The gate will see what our caller did, and cancel it. One that is on its way
    can't be called back: it ends as delivered or cancelled.
    """
    queued = Delivery.objects.filter(source=source, source_id=source_id)
    cancelled = {"status": Status.CANCELLED, "reason": reason, "next_attempt_at": None}
    free = queued.filter(status=Status.PENDING).select_for_update(skip_locked=True).values("pk")
    held_count = queued.filter(status=Status.HELD).update(**cancelled)
    return held_count + Delivery.objects.filter(pk__in=free).update(**cancelled)
