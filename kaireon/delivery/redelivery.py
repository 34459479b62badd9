"""Sending a delivery once more because somebody asked for it."""

from datetime import datetime

from django.db import transaction

from audit.log import NewEntry, record
from kaireon.core.errors import Conflict
from kaireon.delivery.circuits import probe_soon
from kaireon.delivery.models import Delivery, Status
from kaireon.delivery.waking import wake_on_commit


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
    before = locked.status
    locked.status = Status.PENDING
    locked.reason = ""
    locked.retries = 0
    locked.is_redelivery = True
    locked.next_attempt_at = now
    locked.leased_until = None
    locked.delivered_at = None
    locked.save()
    probe_soon([locked.host], now=now)
    record(
        NewEntry(
            action="delivery.redelivered",
            subject=locked.pk,
            trigger_id=locked.trigger_id or "",
            customer_id=locked.customer_id or "",
            event_id=locked.event_id,
            facts={"firingId": locked.firing_id, "status": before, "attempts": locked.attempts},
        )
    )
    wake_on_commit()
    return locked
