"""Erasing a customer's records and memberships. No event tells of it: who is forgotten sets off no trigger."""

from typing import Any

from django.db import transaction

from kaireon.core.erasing import Batch
from kaireon.customers.memberships import hold_segments
from kaireon.customers.models import Membership, Record, Schema
from kaireon.customers.record_rows import read_rows


@transaction.atomic
def erase_records(customer_id: str, *, after: Any, limit: int) -> Batch:
    """Removes the customer's record, and memberships, of the next schema behind the id `after`."""
    schema_id = Schema.objects.filter(pk__gt=after or "").order_by("pk").values_list("pk", flat=True).first()
    if schema_id is None:
        return Batch(0)
    hold_segments(schema_id)
    read_rows(schema_id=schema_id, customer_ids=[customer_id], lock=True)
    removed, _ = Membership.objects.filter(customer_id=customer_id, segment__schema_id=schema_id).delete()
    records, _ = Record.objects.filter(customer_id=customer_id, schema_id=schema_id).delete()
    return Batch(removed + records, schema_id)
