"""Sending deliveries once more because somebody asked for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from audit.log import NewEntry, record
from kaireon.core.errors import Conflict
from kaireon.delivery.circuits import probe_soon
from kaireon.delivery.models import Delivery, Status
from kaireon.delivery.waking import wake_on_commit

BATCH_SIZE = 500
AT_MOST = 5000
"""As many as one call of `redeliver_all` puts back: somebody waits for its answer."""
MOST_LEFT_COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class Tally:
    """How many were put back, and how many behind them were left; one more than `MOST_LEFT_COUNTED`: or more."""

    done: int
    left: int


@transaction.atomic
def redeliver(*, delivery: Delivery, now: datetime) -> Delivery:
    """Puts an ended delivery back, with all of its retries, under the same ids: a receiver can tell it for the same.

    Its trigger is asked again: one that is disabled or deleted cancels it. Behind an open circuit it waits like all
    others, and a probe of its receiver is due at once: whoever asks believes that the receiver is back. Raises Conflict
    while it is pending or held.
    """
    locked = Delivery.objects.select_for_update().get(pk=delivery.pk)
    if locked.status in (Status.PENDING, Status.HELD):
        raise Conflict(f"The delivery {locked.pk} is {locked.status}: it is going to be sent anyway.")
    if locked.leased_until is not None and locked.leased_until > now:
        raise Conflict(f"The delivery {locked.pk} is on its way at this moment; try again in a minute.")
    if not locked.url:
        raise Conflict(f"There is nothing left to send of the delivery {locked.pk}: its customer was erased.")
    _put_back([locked], now=now)
    locked.refresh_from_db()
    return locked


def redeliver_all(*, deliveries: QuerySet[Delivery], now: datetime, at_most: int = AT_MOST) -> Tally:
    """Puts those of `deliveries` back that were given up, as `redeliver` does, the oldest first and at most so many.

    They go batch by batch, each in a transaction of its own: what was put back stays so, whatever becomes of the rest.
    One that is given up anew meanwhile is not put back twice. To be called outside of a transaction.
    """
    # Of an erased customer there is nothing left to send.
    dead = deliveries.filter(status=Status.DEAD).exclude(url="").order_by("id")
    done, last = 0, ""
    while done < at_most:
        with transaction.atomic():
            batch = dead.filter(id__gt=last)[: min(BATCH_SIZE, at_most - done)]
            # Of the columns only what an entry of the audit log tells; another one who does the same makes us wait.
            columns = ("host", "source", "source_id", "firing_id", "event_id", "customer_id", "status", "attempts")
            locked = list(batch.only(*columns).select_for_update())
            _put_back(locked, now=now)
        if not locked:
            return Tally(done, 0)
        done += len(locked)
        last = locked[-1].pk
    left = dead.filter(id__gt=last).values("pk")[: MOST_LEFT_COUNTED + 1].count()
    return Tally(done, left)


def _put_back(ended: Sequence[Delivery], *, now: datetime) -> None:
    """Those deliveries, which are locked."""
    if not ended:
        return
    Delivery.objects.filter(pk__in=[delivery.pk for delivery in ended]).update(
        status=Status.PENDING,
        reason="",
        retries=0,
        is_redelivery=True,
        next_attempt_at=now,
        leased_until=None,
        delivered_at=None,
    )
    probe_soon({delivery.host for delivery in ended}, now=now)
    record(
        *(
            NewEntry(
                action="delivery.redelivered",
                subject=delivery.pk,
                trigger_id=delivery.trigger_id or "",
                customer_id=delivery.customer_id or "",
                event_id=delivery.event_id,
                facts={"firingId": delivery.firing_id, "status": delivery.status, "attempts": delivery.attempts},
            )
            for delivery in ended
        )
    )
    wake_on_commit()
