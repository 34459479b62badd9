"""What a change of a record is: which attributes differ, whether they still fit, and the event that tells of it."""

from collections.abc import Mapping
from typing import Any

from kaireon.conditions.values import json_equal
from kaireon.core.errors import ValidationFailed
from kaireon.core.json_values import stored_size
from kaireon.customers.field_types import MAX_ATTRIBUTES_BYTES
from kaireon.events.publish import NewEvent

SOURCE = "customers"

Attributes = dict[str, Any]
"""A record's attributes by name, in their stored form, without nulls."""


def without_nulls(attributes: Mapping[str, Any]) -> Attributes:
    """`attributes` as they are stored."""
    return {name: value for name, value in attributes.items() if value is not None}


def check_size(attributes: Mapping[str, Any], *, path: str) -> None:
    """Raises ValidationFailed at `path` where a record's attributes are over the limit together."""
    size = stored_size(attributes)
    if size > MAX_ATTRIBUTES_BYTES:
        raise ValidationFailed.at(
            path, f"would make the record {size:,} bytes as JSON; at most {MAX_ATTRIBUTES_BYTES:,} are allowed."
        )


def changed_names(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The names, sorted, of the attributes that differ as JSON: 1 is 1.0, and is not true."""
    # Most values are the very same objects, and are not gone through.
    return sorted(
        name
        for name in before.keys() | after.keys()
        if before.get(name) is not after.get(name) and not json_equal(before.get(name), after.get(name))
    )


def created_event(*, schema_id: str, customer_id: str, after: Mapping[str, Any]) -> NewEvent:
    """`customer.created`."""
    return NewEvent(
        event_type="customer.created",
        customer_id=customer_id,
        properties={"schemaId": schema_id, "before": None, "after": after, "changed": sorted(after)},
        source=SOURCE,
    )


def updated_event(
    *,
    schema_id: str,
    customer_id: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    changed: list[str],
    cause: str = "",
    depth: int = 0,
) -> NewEvent:
    """`customer.updated`. `cause` is the firing that made the change, `depth` how many firings lie behind the event."""
    return NewEvent(
        event_type="customer.updated",
        customer_id=customer_id,
        properties={"schemaId": schema_id, "before": before, "after": after, "changed": changed},
        source=SOURCE,
        cause=cause,
        depth=depth,
    )
