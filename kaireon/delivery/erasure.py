"""Erasing what was sent, or was to be sent, to a customer, or about one."""

from datetime import datetime
from typing import Any

from django.db import connection, transaction

from kaireon.core.erasing import Batch, Erasing
from kaireon.delivery.models import Delivery

ERASED = "The customer was erased."
"""The reason of a delivery that was not sent any more because of it."""

# The host stays: it is the receiver's, whoever the message is about. One that is on its way keeps its lease: its
# result finds the row by that, and is erased when it is there.
_DELIVERIES = Erasing(
    table="delivery_delivery",
    key="id",
    key_type="text",
    set_to=f"""
        url = '',
        headers = '{{}}',
        body = 'null',
        secret_nonce = '',
        last_error = '',
        reason = CASE WHEN status IN ('pending', 'held') THEN '{ERASED}' ELSE '' END,
        next_attempt_at = NULL,
        status = CASE WHEN status IN ('pending', 'held') THEN 'cancelled' ELSE status END
    """,
    where=f"""
        status IN ('pending', 'held') OR url <> '' OR headers <> '{{}}' OR body <> 'null'
        OR last_error <> '' OR reason NOT IN ('', '{ERASED}')
    """,
)
_ATTEMPTS = """
    UPDATE delivery_attempt SET response_excerpt = '', error = ''
    WHERE delivery_id IN (
        SELECT id FROM delivery_delivery
        WHERE customer_id = %(customer)s AND (%(after)s::text IS NULL OR id > %(after)s)
        ORDER BY id LIMIT %(limit)s
    ) AND (response_excerpt <> '' OR error <> '')
"""


@transaction.atomic
def erase_deliveries(customer_id: str, *, after: Any, limit: int) -> Batch:
    """Empties the customer's deliveries and their attempts; what was not sent yet is cancelled."""
    batch = _DELIVERIES.run(customer_id, after=after, limit=limit)
    with connection.cursor() as cursor:
        cursor.execute(_ATTEMPTS, {"customer": customer_id, "after": after, "limit": limit})
        return Batch(batch.changed + cursor.rowcount, batch.last)


def are_on_their_way(customer_id: str, *, now: datetime) -> bool:
    """Whether anything is being sent to the customer at this moment: what comes of it is not stored yet."""
    return Delivery.objects.filter(customer_id=customer_id, leased_until__gt=now).exists()
