"""What conditions and templates of a trigger can read: the fields of recent events of its type, and of customers."""

from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse

from kaireon.accounts.roles import Ability
from kaireon.core.clock import iso
from kaireon.customers.studio.fields import default_customer_fields
from kaireon.events.ingestion import is_event_type
from kaireon.events.models import Event
from kaireon.secrets.models import Secret
from kaireon.studio.condition_fields import FoundField, answer, fields_of
from kaireon.studio.pages import StudioPage
from triggers.studio.event_types import example_of

MOST_EVENTS = 200
MOST_SECRETS = 500

FIXED = ("eventType", "eventId", "customerId", "timestamp")
"""What every event has, and what its properties can't hide."""

LIQUID_NAMES = ("trigger.id", "trigger.name", "firing.id")
"""What templates of a trigger can read beside event and customer."""


class TriggerFields(StudioPage):
    """`?event_type=` is the type of the events; `secrets=1` also asks for the names of secrets. Answers JSON."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        event_type = request.GET.get("event_type", "")
        wants_secrets = request.GET.get("secrets") == "1" and self.may(Ability.WRITE)
        return answer(
            [*event_fields(event_type), *default_customer_fields()],
            names=LIQUID_NAMES,
            secrets=list(Secret.objects.values_list("pk", flat=True)[:MOST_SECRETS]) if wants_secrets else None,
        )


def event_fields(event_type: str) -> list[FoundField]:
    """The fields of the newest 200 events of that type, and of the platform's example, the fixed four first."""
    found = {one.name: one for one in fields_of(_documents(event_type))}
    fixed = [found.pop(name) for name in FIXED]
    # The record of the customer hides a property of this name.
    return fixed + [one for name, one in found.items() if name.split(".")[0] != "customer"]


def _documents(event_type: str) -> Iterator[dict[str, Any]]:
    """What conditions read of each event. The last one has nothing but the names of what an event has."""
    if is_event_type(event_type):
        for event in Event.objects.filter(event_type=event_type).order_by("-sequence")[:MOST_EVENTS]:
            yield _document(event.properties, event_type, event.event_id, event.customer_id, iso(event.occurred_at))
        yield _document(example_of(event_type)["properties"], event_type, None, None, None)
    yield _document({}, event_type or None, None, None, None)


def _document(properties: dict[str, Any], *fixed: str | None) -> dict[str, Any]:
    return {**properties, **dict(zip(FIXED, fixed, strict=True))}
