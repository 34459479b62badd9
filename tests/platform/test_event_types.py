"""One row for each event type of the specification: its real cause, by the API, fires a trigger that listens to it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from kaireon.core import clock
from kaireon.core.clock import iso
from kaireon.decisioning.offer_expiry import expire_offers
from kaireon.events.ingestion import PLATFORM_EVENT_TYPES
from kaireon.events.models import Event
from kaireon.journeys.resuming import resume_due
from tests.triggers.fixtures import process_all
from triggers.demo import bank
from triggers.models import Firing

API = "/api/v1"
CUSTOMER = "cust_78"


class Bank:
    """The demo's schema, segments, channels, flow and journey, an offer with a budget of one, and one customer."""

    def __init__(self, api: APIClient) -> None:
        self._api = api
        for path, body in bank.bodies(clock.now()):
            self.post(path, body)
        self.post("/offers", {"id": "off_last", "name": "Last one", "budget": {"maxConversions": 1}})
        self.put_record(balance=100, tier="bronze")
        process_all()

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Posts, and has processed what came of it."""
        answer = self._api.post(API + path, body, format="json")
        assert answer.status_code < 300, answer.content
        process_all()
        return answer.json()

    def put_record(self, **attributes: Any) -> None:
        """Replaces the customer's record."""
        path = f"{API}/schemas/{bank.SCHEMA_ID}/records/{CUSTOMER}"
        answer = self._api.put(path, {"attributes": {"email": "cust_78@example.com", **attributes}}, format="json")
        assert answer.status_code < 300, answer.content
        process_all()

    def create_customer(self) -> None:
        self.post(f"/schemas/{bank.SCHEMA_ID}/data", {"rows": [{"customerId": "cust_new", "balance": 1}]})

    def record_outcome(self, **more: Any) -> None:
        body = {"customerId": CUSTOMER, "outcome": "conversion", "idempotencyKey": f"key-{len(more)}", **more}
        self.post("/respond", body)

    def become_well_off(self) -> None:
        self.put_record(balance=20_000, tier="gold")

    def become_poor(self) -> None:
        self.become_well_off()
        self.put_record(balance=1, tier="gold")

    def complete_a_journey(self) -> None:
        self.post("/journeys/jrn_loan_nurture/enroll", {"customerId": CUSTOMER})
        resume_due(now=clock.now() + timedelta(hours=1))
        process_all()

    def let_an_offer_end(self) -> None:
        self.post("/offers", {"name": "Short", "endsAt": iso(datetime(2026, 1, 2, tzinfo=UTC))})
        expire_offers(now=clock.now())
        process_all()

    def use_up_a_budget(self) -> None:
        self.record_outcome(offerId="off_last")


CAUSES: dict[str, Callable[[Bank], None]] = {
    "outcome.recorded": lambda bank: bank.record_outcome(metadata={"amount": 750}),
    "customer.created": Bank.create_customer,
    "customer.updated": Bank.become_well_off,
    "segment.entered": Bank.become_well_off,
    "segment.exited": Bank.become_poor,
    "journey.completed": Bank.complete_a_journey,
    "offer.expired": Bank.let_an_offer_end,
    "budget.exhausted": Bank.use_up_a_budget,
}
WITHOUT_CUSTOMER = {"offer.expired", "budget.exhausted"}


@pytest.fixture
def demo_bank(admin_api: APIClient) -> Bank:
    """The bank without its triggers."""
    return Bank(admin_api)


def test_every_type_of_the_specification_has_a_row() -> None:
    assert set(CAUSES) == set(PLATFORM_EVENT_TYPES)


@pytest.mark.parametrize("event_type", CAUSES)
def test_its_real_cause_fires_a_trigger(demo_bank: Bank, event_type: str) -> None:
    demo_bank.post(
        "/triggers",
        {
            "id": "trg_row",
            "name": "Row",
            "eventType": event_type,
            "actionType": "webhook",
            "actionConfig": {"url": "https://hooks.example.com/row"},
        },
    )
    CAUSES[event_type](demo_bank)
    firing = Firing.objects.get(trigger_id="trg_row")
    assert (firing.event_type, firing.outcome) == (event_type, "queued")
    assert (firing.customer_id is None) is (event_type in WITHOUT_CUSTOMER)


def test_the_chain_leads_from_a_changed_record_to_what_the_journey_sent(demo_bank: Bank, admin_api: APIClient) -> None:
    demo_bank.post("/triggers", next(body for body in bank.TRIGGERS if body["id"] == "trg_nurture_the_well_off"))
    demo_bank.become_well_off()
    resume_due(now=clock.now() + timedelta(hours=1))
    process_all()
    entered = Event.objects.get(event_type="segment.entered", customer_id=CUSTOMER)
    chain = admin_api.get(f"{API}/events/{entered.event_id}/chain").json()
    names = {node["id"]: node["type"] for node in chain["nodes"]}
    links = [(names.get(node["parent"] or ""), node["type"]) for node in chain["nodes"]]
    assert links[:3] == [(None, "event"), ("event", "firing"), ("firing", "enrolment")]
    assert sorted(links[3:], key=str) == [("enrolment", "event"), ("enrolment", "message")]


ACTIONS: dict[str, dict[str, Any]] = {
    "enroll_journey": {"journeyId": "jrn_loan_nurture", "deduplication": "skip_if_active"},
    "fire_recommend": {
        "decisionFlowId": "df_cross_sell",
        "channelId": "ch_push",
        "limit": 1,
        "deliverImmediately": True,
    },
    "webhook": {
        "url": "https://api.yourcompany.com/events/handle",
        "method": "POST",
        "headers": {"Authorization": "Bearer {{secret.webhook_token}}"},
        "bodyTemplate": {
            "customerId": "{{event.customerId}}",
            "eventType": "{{event.type}}",
            "triggerId": "{{trigger.id}}",
        },
    },
    "update_attribute": {
        "schemaId": bank.SCHEMA_ID,
        "updates": [
            {"field": "last_event_date", "value": "{{event.timestamp}}"},
            {"field": "event_count", "expression": "event_count + 1"},
        ],
    },
}
OUTCOMES = {
    "enroll_journey": "succeeded",
    "fire_recommend": "succeeded",
    "webhook": "queued",
    "update_attribute": "succeeded",
}


@pytest.mark.parametrize("action_type", ACTIONS)
def test_each_action_of_the_specification_word_for_word(
    demo_bank: Bank, admin_api: APIClient, action_type: str
) -> None:
    body = {
        "id": "trg_row",
        "name": "Row",
        "eventType": "outcome.recorded",
        "condition": {"all": [{"field": "metadata.amount", "operator": "gt", "value": 500}]},
        "actionType": action_type,
        "config": ACTIONS[action_type],
    }
    created = demo_bank.post("/triggers", body)
    assert created["actionConfig"] == ACTIONS[action_type]
    demo_bank.record_outcome(metadata={"amount": 750})
    firing = Firing.objects.get()
    assert (firing.outcome, firing.error) == (OUTCOMES[action_type], "")
    entry = admin_api.get(f"{API}/audit?action=trigger.fired").json()["data"][0]
    assert (entry["triggerId"], entry["customerId"], entry["eventType"], entry["actionTaken"]) == (
        "trg_row",
        CUSTOMER,
        "outcome.recorded",
        action_type,
    )


TARGETS = {
    "enroll_journey": "/journeys/jrn_loan_nurture",
    "fire_recommend": "/decision-flows/df_cross_sell",
}


@pytest.mark.parametrize("action_type", TARGETS)
@pytest.mark.parametrize("fate", ["gone", "paused", "archived"])
def test_a_target_that_is_gone_paused_or_archived_meanwhile_fails_the_firing_and_says_so(
    demo_bank: Bank, admin_api: APIClient, action_type: str, fate: str
) -> None:
    demo_bank.post(
        "/triggers",
        {
            "name": "Row",
            "eventType": "outcome.recorded",
            "actionType": action_type,
            "actionConfig": ACTIONS[action_type],
        },
    )
    target = API + TARGETS[action_type]
    if fate == "gone":
        assert admin_api.delete(target).status_code == 204
    else:
        assert admin_api.patch(target, {"status": fate}, format="json").status_code == 200
    demo_bank.record_outcome()
    firing = Firing.objects.get()
    assert firing.outcome == "failed"
    assert target.rsplit("/", 1)[1] in firing.error
    assert ("gone" in firing.error or "no " in firing.error) if fate == "gone" else fate in firing.error
