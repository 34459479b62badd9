"""Filling in the trigger form as people do: open the page, change some fields, press save."""

from typing import Any

from django.test import Client

from kaireon.core import clock
from kaireon.decisioning.models import Channel, DecisionFlow
from kaireon.journeys.models import Journey, JourneyStatus
from tests.studio.html_form import Fields, fields_of
from triggers.models import Trigger

FORM = "trigger-form"
NEW = "/studio/triggers/new"
STORED = (
    "name",
    "description",
    "event_type",
    "condition",
    "action_type",
    "action_config",
    "priority",
    "cooldown_ms",
    "status",
)

SPEC_CONDITION: dict[str, Any] = {
    "all": [
        {"field": "metadata.amount", "operator": "gt", "value": 500},
        {"field": "outcomeType", "operator": "eq", "value": "conversion"},
    ]
}
SPEC_RECOMMEND = {"decisionFlowId": "df_cross_sell", "channelId": "ch_push", "limit": 1, "deliverImmediately": True}
SPEC_WEBHOOK = {
    "url": "https://api.yourcompany.com/events/handle",
    "method": "POST",
    "headers": {"Authorization": "Bearer {{secret.webhook_token}}"},
    "bodyTemplate": {
        "customerId": "{{event.customerId}}",
        "eventType": "{{event.type}}",
        "triggerId": "{{trigger.id}}",
    },
}
SPEC_UPDATES = {
    "schemaId": "schema_customer_profile",
    "updates": [
        {"field": "last_event_date", "value": "{{event.timestamp}}"},
        {"field": "event_count", "expression": "event_count + 1"},
    ],
}
SPEC_ENROLMENT = {"journeyId": "jrn_loan_nurture", "deduplication": "skip_if_active"}


def make_targets() -> None:
    """What the specification's triggers refer to."""
    now = clock.now()
    Journey.objects.create(
        id="jrn_loan_nurture", name="Loan nurture", status=JourneyStatus.ACTIVE, created_at=now, updated_at=now
    )
    DecisionFlow.objects.create(id="df_cross_sell", name="Cross-sell", created_at=now, updated_at=now)
    Channel.objects.create(
        id="ch_push",
        name="In-app message",
        channel_type="in_app",
        config={"title": "{{offer.name}}", "body": "For you"},
        created_at=now,
        updated_at=now,
    )


def opened(client: Client, url: str) -> Fields:
    """The fields as the page brings them."""
    response = client.get(url)
    assert response.status_code == 200, response.content.decode()
    return fields_of(response.content.decode(), FORM)


def filled(fields: Fields, **changes: Any) -> Fields:
    """The fields with some of them filled in; None leaves one out, as an unticked box is, and `__` stands for `-`."""
    result = dict(fields)
    for name, value in changes.items():
        name = name.replace("__", "-")
        if value is None:
            result.pop(name, None)
        else:
            result[name] = [str(one) for one in value] if isinstance(value, list) else [str(value)]
    return result


def facts(trigger: Trigger) -> dict[str, Any]:
    """What is stored of it, but for its id and its moments."""
    return {name: getattr(trigger, name) for name in STORED}
