"""From their real causes to triggers that fire: outcome.recorded, budget.exhausted, offer.expired."""

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from kaireon.core import clock
from kaireon.customers.records import find_record
from kaireon.decisioning.offer_expiry import expire_offers
from kaireon.delivery.sender import send_due
from kaireon.events.models import Event
from tests.decisioning.offering import make_offer
from tests.delivery.receiver import Receiver
from tests.triggers.fixtures import decisions, process_all
from triggers.models import Firing, Trigger

MakeTrigger = Callable[..., Trigger]
RESPOND = "/api/v1/respond"


@pytest.mark.django_db
def test_the_specifications_worked_example_word_for_word(ingest_api: APIClient) -> None:
    call_command("load_demo", stdout=StringIO())

    def respond(key: str, **body: Any) -> dict[str, str]:
        answer = ingest_api.post(
            RESPOND, {"customerId": "cust_78", **body}, format="json", headers={"Idempotency-Key": key}
        )
        assert answer.status_code == 201, answer.json()
        process_all()
        return decisions(Event.objects.filter(event_type="outcome.recorded").latest("sequence"))

    first = respond("1", outcomeType="conversion", metadata={"amount": 750})
    assert first == {
        "trg_high_value_purchase": "fired",
        "trg_high_value_purchase_cross_sell": "fired",
        "trg_count_outcomes": "fired",
    }
    attributes = find_record(schema_id="schema_customer_profile", customer_id="cust_78").attributes
    assert (attributes["last_high_value_purchase"], attributes["high_value_purchases"]) == (750, 1)

    # Again within a day, by the alias; then too little, and another outcome.
    assert respond("2", outcome="convert", metadata={"amount": 800})["trg_high_value_purchase"] == "cooldown"
    other = respond("3", customerId="cust_79", outcome="conversion", metadata={"amount": 500})
    assert other["trg_high_value_purchase"] == "condition_false"
    other = respond("4", customerId="cust_79", outcome="click", metadata={"amount": 900})
    assert other["trg_high_value_purchase"] == "condition_false"
    other = respond("5", customerId="cust_79", outcome="convert", metadata={"amount": 501})
    assert other["trg_high_value_purchase"] == "fired"


@pytest.fixture
def make_webhook(make_trigger: MakeTrigger, receiver: Receiver) -> MakeTrigger:
    """A trigger that tells the receiver, for neither event has a customer."""

    def build(event_type: str, body_template: dict[str, str], **more: Any) -> Trigger:
        config = {"url": receiver.url, "bodyTemplate": body_template}
        return make_trigger(eventType=event_type, actionType="webhook", actionConfig=config, **more)

    return build


def test_an_exhausted_budget_calls_a_webhook_once(
    make_webhook: MakeTrigger, make_trigger: MakeTrigger, ingest_api: APIClient, receiver: Receiver
) -> None:
    webhook = make_webhook(
        "budget.exhausted",
        {"offer": "{{event.offerId}}", "limit": '{{event["limit"]}}', "spent": "{{event.spent.conversions}}"},
        condition={"field": "budget.maxConversions", "operator": "gte", "value": 2},
    )
    of_a_customer = make_trigger(eventType="budget.exhausted")
    make_offer(max_conversions=2)
    for number in range(4):
        body = {
            "customerId": f"c{number}",
            "outcome": "conversion",
            "offerId": "off_card",
            "idempotencyKey": f"k{number}",
        }
        assert ingest_api.post(RESPOND, body, format="json").status_code == 201
    process_all()
    send_due(run_seconds=10)
    assert [request.json for request in receiver.received] == [
        {"offer": "off_card", "limit": "maxConversions", "spent": 2}
    ]
    event = Event.objects.get(event_type="budget.exhausted")
    assert decisions(event) == {webhook.pk: "fired", of_a_customer.pk: "missing_customer"}


def test_an_offer_that_ends_calls_a_webhook_once(make_webhook: MakeTrigger, receiver: Receiver) -> None:
    make_webhook(
        "offer.expired",
        {"offer": "{{event.offerId}}", "name": "{{event.offerName}}", "ended": "{{event.endsAt}}"},
        condition={"field": "category", "operator": "eq", "value": "cards"},
    )
    now = clock.now()
    make_offer(category="cards", ends_at=now)
    make_offer("off_loan", category="loans", ends_at=now)
    for _ in range(2):
        expire_offers(now=now)
        process_all()
        send_due(run_seconds=10)
    assert [request.json for request in receiver.received] == [
        {"offer": "off_card", "name": "Gold card", "ended": clock.iso(now)}
    ]
    assert Firing.objects.count() == 1
