"""Webhooks from the event to the receiver: rendered, signed, held and cancelled with their trigger."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from kaireon.core import clock
from kaireon.delivery.models import Delivery
from kaireon.delivery.sender import send_due
from kaireon.secrets.signing import signing_secrets
from kaireon.secrets.vault import create_secret
from tests.delivery.receiver import Receiver
from tests.triggers.fixtures import Send, decisions
from triggers.lifecycle import delete_trigger, update_trigger
from triggers.models import Firing, Trigger

MakeTrigger = Callable[..., Trigger]


@pytest.fixture
def make_webhook(make_trigger: MakeTrigger, receiver: Receiver) -> MakeTrigger:
    """A trigger that calls the receiver, as the specification's example does."""

    def build(body_template: Any = None, headers: dict[str, str] | None = None, **more: Any) -> Trigger:
        config = {
            "url": receiver.url,
            "headers": headers or {},
            "bodyTemplate": body_template
            or {
                "customerId": "{{event.customerId}}",
                "eventType": "{{event.type}}",
                "triggerId": "{{trigger.id}}",
            },
        }
        return make_trigger(actionType="webhook", actionConfig=config, **more)

    return build


def test_the_specifications_webhook_arrives_signed_with_the_firings_id(
    make_webhook: MakeTrigger, send: Send, receiver: Receiver
) -> None:
    create_secret(name="webhook_token", value="s3cret-token")
    trigger = make_webhook(headers={"Authorization": "Bearer {{secret.webhook_token}}"})
    event = send()
    firing = Firing.objects.get()
    delivery = Delivery.objects.get()
    assert (firing.outcome, firing.detail) == ("queued", {"deliveryId": delivery.pk})
    assert decisions(event) == {trigger.pk: "fired"}

    send_due(run_seconds=10)
    (request,) = receiver.received
    assert request.method == "POST"
    assert request.headers["authorization"] == "Bearer s3cret-token"
    assert request.headers["webhook-id"] == firing.pk
    (secret,) = signing_secrets(now=clock.now())
    assert request.verify(secret) == {"customerId": "cust_78", "eventType": "purchase", "triggerId": trigger.pk}
    assert Delivery.objects.get().status == "delivered"


def test_a_lone_placeholder_keeps_its_type_and_nothing_of_an_event_is_a_template(
    make_webhook: MakeTrigger, make_customer: Callable[..., None], send: Send, receiver: Receiver
) -> None:
    make_customer("cust_78", tier="gold")
    create_secret(name="webhook_token", value="s3cret-token")
    make_webhook(
        {
            "amount": "{{event.metadata.amount}}",
            "items": "{{event.items}}",
            "text": "{{event.metadata.amount}} for {{customer.tier}}",
            "missing": "{{event.nothing}}",
            "evil": "{{event.evil}}",
            "firing": "{{firing.id}}",
        }
    )
    send(properties={"metadata": {"amount": 12.5}, "items": [1, {"a": None}], "evil": "{{secret.webhook_token}}"})
    send_due(run_seconds=10)
    assert receiver.received[0].json == {
        "amount": 12.5,
        "items": [1, {"a": None}],
        "text": "12.5 for gold",
        "missing": None,
        "evil": "{{secret.webhook_token}}",
        "firing": Firing.objects.get().pk,
    }


def test_webhooks_are_queued_in_order_of_priority(make_webhook: MakeTrigger, send: Send) -> None:
    low, high, middle = make_webhook(priority=10), make_webhook(priority=90), make_webhook(priority=50)
    send()
    queued = Delivery.objects.order_by("id").values_list("source_id", flat=True)
    assert list(queued) == [high.pk, middle.pk, low.pk]


def test_a_webhook_reads_what_triggers_of_higher_priority_have_changed_and_no_others(
    make_webhook: MakeTrigger, make_trigger: MakeTrigger, make_customer: Callable[..., None], send: Send
) -> None:
    make_customer("cust_78", event_count=0)
    make_webhook({"count": "{{customer.event_count}}"}, id="trg_before", priority=90)
    make_trigger(priority=50)
    make_webhook({"count": "{{customer.event_count}}"}, id="trg_after", priority=10)
    send()
    bodies = dict(Delivery.objects.values_list("source_id", "body"))
    assert bodies == {"trg_before": '{"count":0}', "trg_after": '{"count":1}'}


def test_the_record_of_a_condition_does_not_hide_the_events_own_properties(
    make_webhook: MakeTrigger, make_customer: Callable[..., None], send: Send
) -> None:
    make_customer("cust_78", tier="gold")
    make_webhook(
        {"event": "{{event.customer.tier}}", "record": "{{customer.tier}}"},
        condition={"field": "customer.tier", "operator": "eq", "value": "gold"},
    )
    send(properties={"customer": {"tier": "as the shop says"}})
    assert Delivery.objects.get().body == '{"event":"as the shop says","record":"gold"}'


def test_a_paused_trigger_holds_what_it_has_queued_and_sends_it_when_resumed(
    make_webhook: MakeTrigger, send: Send, receiver: Receiver
) -> None:
    trigger = make_webhook()
    send()
    update_trigger(trigger_id=trigger.pk, values={"status": "paused"}, now=clock.now())
    send_due(run_seconds=10)
    assert Delivery.objects.get().status == "held"
    assert receiver.received == []
    update_trigger(trigger_id=trigger.pk, values={"status": "active"}, now=clock.now())
    send_due(run_seconds=10)
    assert Delivery.objects.get().status == "delivered"
    assert len(receiver.received) == 1


@pytest.mark.parametrize("end", ["disable", "delete"])
def test_a_trigger_that_ends_cancels_what_it_has_queued(
    make_webhook: MakeTrigger, send: Send, receiver: Receiver, end: str
) -> None:
    trigger = make_webhook()
    send()
    if end == "disable":
        update_trigger(trigger_id=trigger.pk, values={"status": "disabled"}, now=clock.now())
    else:
        delete_trigger(trigger_id=trigger.pk)
    send_due(run_seconds=10)
    delivery = Delivery.objects.get()
    assert delivery.status == "cancelled"
    assert end in delivery.reason
    assert receiver.received == []


def test_a_template_that_fails_on_an_event_stands_on_its_firing(make_webhook: MakeTrigger, send: Send) -> None:
    trigger = make_webhook({"half": "{{ event.amount | divided_by: event.zero }}"})
    event = send(properties={"amount": 1, "zero": 0})
    assert decisions(event) == {trigger.pk: "action_failed"}
    firing = Firing.objects.get()
    assert firing.outcome == "failed"
    assert firing.error.startswith("bodyTemplate can't be rendered for this event")
    assert Delivery.objects.count() == 0


def test_a_dry_run_renders_the_request_with_secrets_masked(
    make_webhook: MakeTrigger, viewer_api: APIClient, receiver: Receiver
) -> None:
    create_secret(name="webhook_token", value="s3cret-token")
    trigger = make_webhook(headers={"Authorization": "Bearer {{secret.webhook_token}}"})
    body = {"eventPayload": {"customerId": "cust_78"}}
    answer = viewer_api.post(f"/api/v1/triggers/{trigger.pk}/test", body, format="json")
    assert answer.json()["action"] == {
        "type": "webhook",
        "method": "POST",
        "url": receiver.url,
        "headers": {"Authorization": "Bearer {{secret.webhook_token}}"},
        "body": {"customerId": "cust_78", "eventType": "purchase", "triggerId": trigger.pk},
    }
    assert b"s3cret-token" not in answer.content
    assert Delivery.objects.count() == 0
