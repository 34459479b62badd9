"""Everything that holds a customer's data, emptied batch by batch, again and again until nothing is left to empty.

While it goes on, a worker may be in the middle of an event of the customer, and write new rows behind our back. So one
pass is not enough: what it left behind is found by the next one, and it is done when a whole pass has found nothing.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from audit.erasure import erase_entries, note_end, note_start
from audit.keys import keyring
from kaireon.core import clock
from kaireon.core.erasing import Batch
from kaireon.core.errors import ValidationFailed
from kaireon.core.ids import CUSTOMER_ID_RULE, is_customer_id
from kaireon.customers.erasure import erase_records
from kaireon.decisioning.erasure import erase_messages, erase_outcomes, erase_recommendations
from kaireon.delivery.erasure import are_on_their_way, erase_deliveries
from kaireon.events.erasure import erase_dead_letters, erase_events
from kaireon.journeys.erasure import erase_enrolments
from triggers.erasure import erase_firings

BATCH_SIZE = 500


class Step(Protocol):
    """Empties the next `limit` rows behind `after`, in one transaction."""

    def __call__(self, customer_id: str, *, after: Any, limit: int) -> Batch:
        """How many were changed, and where to go on."""


# What waits to be done comes first, so that as little as possible is written while this goes on; the audit log is last,
# since it hears of all others.
STEPS: Mapping[str, Step] = {
    "events": erase_events,
    "enrolments": erase_enrolments,
    "deliveries": erase_deliveries,
    "records": erase_records,
    "messages": erase_messages,
    "recommendations": erase_recommendations,
    "outcomes": erase_outcomes,
    "firings": erase_firings,
    "deadLetters": erase_dead_letters,
    "auditEntries": erase_entries,
}


@dataclass(slots=True)
class Erasure:
    """How many rows were emptied or removed, by kind. Not complete: something was on its way, or time ran out."""

    customer_id: str
    erased: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STEPS, 0))
    is_complete: bool = False


def erase_customer(
    customer_id: str,
    *,
    run_seconds: float,
    batch_size: int = BATCH_SIZE,
    wait: Callable[[float], None] | None = None,
) -> Erasure:
    """Erases the customer's data for at most about `run_seconds`. Once more changes nothing but the audit log.

    What is being sent at this moment can't be called back, and its answer comes later: with `wait` that is waited for.
    Raises ValidationFailed for what is no customer's id, and KeysUnusable.
    """
    if not is_customer_id(customer_id):
        raise ValidationFailed.at("customerId", f"must be {CUSTOMER_ID_RULE}.")
    keyring()
    note_start(customer_id=customer_id)
    done = Erasure(customer_id)
    deadline = time.monotonic() + run_seconds
    while time.monotonic() < deadline:
        changed = _pass(done, batch_size, deadline)
        if changed is None:
            break
        if changed:
            continue
        if not are_on_their_way(customer_id, now=clock.now()):
            done.is_complete = True
            break
        if wait is None:
            break
        wait(0.5)
    note_end(customer_id=customer_id, facts={"erased": done.erased, "isComplete": done.is_complete})
    return done


def _pass(done: Erasure, batch_size: int, deadline: float) -> int | None:
    """Goes once over everything; how many rows were changed. None where time ran out on the way."""
    total = 0
    for kind, step in STEPS.items():
        after = None
        while True:
            batch = step(done.customer_id, after=after, limit=batch_size)
            done.erased[kind] += batch.changed
            total += batch.changed
            after = batch.last
            if after is None:
                break
            if time.monotonic() > deadline:
                return None
    return total
