"""Sending a failed event back to the queue."""

from django.db import transaction

from audit.log import NewEntry, record
from kaireon.core.errors import Conflict
from kaireon.events.lanes import wake
from kaireon.events.models import Event, EventStatus


@transaction.atomic
def replay(*, event: Event) -> Event:
    """Queues a failed event again, with fresh tries. What already fired does not fire again.

    Raises Conflict for an event that did not fail.
    """
    locked = Event.objects.select_for_update().get(pk=event.pk)
    if locked.status != EventStatus.FAILED:
        raise Conflict(f"Only a failed event can be replayed; this one is {locked.status}.")
    locked.status = EventStatus.PENDING
    locked.attempts = 0
    locked.next_attempt_at = None
    locked.save(update_fields=["status", "attempts", "next_attempt_at"])
    record(
        NewEntry(
            action="event.replayed",
            subject=locked.event_id,
            customer_id=locked.customer_id or "",
            event_type=locked.event_type,
            event_id=locked.event_id,
            facts={"error": locked.error},
        )
    )
    transaction.on_commit(lambda: wake([locked.lane]))
    return locked
