"""Schemas and records that stand in the database, without events of their own."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from kaireon.customers.models import Record, Schema

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
PROFILE = "schema_customer_profile"

FIELD_OF_EACH_TYPE = {
    "email": "text",
    "event_count": "integer",
    "balance": "decimal",
    "is_vip": "boolean",
    "born_on": "date",
    "last_event_date": "datetime",
    "preferences": "json",
}


def make_schema(
    schema_id: str = PROFILE, *, is_default: bool = True, fields: Mapping[str, str] = FIELD_OF_EACH_TYPE
) -> Schema:
    """A schema, the default one if nobody says otherwise; `fields` are types by name."""
    return Schema.objects.create(
        id=schema_id,
        name="Customer profile",
        is_default=is_default,
        fields=[{"name": name, "dataType": data_type} for name, data_type in fields.items()],
        created_at=LONG_AGO,
        updated_at=LONG_AGO,
    )


def make_record(
    schema: Schema | None = None, *, customer_id: str = "cust_78", attributes: Mapping[str, Any] | None = None
) -> Record:
    """A record, in a new default schema unless one is given."""
    return Record.objects.create(
        schema=schema or make_schema(),
        customer_id=customer_id,
        attributes=dict(attributes or {}),
        created_at=LONG_AGO,
        updated_at=LONG_AGO,
    )
