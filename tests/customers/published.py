"""What the event log holds."""

from typing import Any

from kaireon.events.models import Event


def published() -> list[tuple[str, str | None, dict[str, Any]]]:
    """Type, customer and properties of every event, in the order of publication."""
    return [(event.event_type, event.customer_id, event.properties) for event in Event.objects.order_by("sequence")]
