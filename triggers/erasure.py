"""Erasing what firings say about a customer."""

from typing import Any

from django.db import transaction

from kaireon.core.erasing import Batch, Erasing

# Event, trigger, customer and moment stay: by them a cooldown holds, and an event fires a trigger once.
_FIRINGS = Erasing(
    table="triggers_firing",
    key="id",
    key_type="text",
    set_to="detail = '{}', error = ''",
    where="detail <> '{}' OR error <> ''",
)


@transaction.atomic
def erase_firings(customer_id: str, *, after: Any, limit: int) -> Batch:
    """Empties the details of the customer's firings: values before and after, addresses, errors."""
    return _FIRINGS.run(customer_id, after=after, limit=limit)
