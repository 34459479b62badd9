"""`fire_recommend` from the event to the customer: recommended, delivered, skipped, held with its trigger."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from audit.models import Entry
from kaireon.core import clock
from kaireon.decisioning.channels import CHANNELS
from kaireon.decisioning.flows import FLOWS
from kaireon.decisioning.models import InboxMessage, Offer, Recommendation
from kaireon.delivery.models import Delivery
from kaireon.delivery.sender import send_due
from kaireon.events.ingestion import ingest
from kaireon.events.models import Event
from tests.decisioning.deciding import make_channel, make_flow
from tests.decisioning.offering import make_offer
from tests.delivery.mail_server import MailServer
from tests.delivery.receiver import Receiver
from tests.triggers.fixtures import Send, decisions, process_all
from triggers.actions import fire_recommend
from triggers.engine import dispatch
from triggers.lifecycle import delete_trigger, update_trigger
from triggers.models import Firing, Trigger

pytestmark = pytest.mark.django_db

MakeTrigger = Callable[..., Trigger]
MakeCustomer = Callable[..., None]
TRIGGERS = "/api/v1/triggers"
GOLD = {"field": "customer.tier", "operator": "eq", "value": "gold"}


@pytest.fixture
def make_recommender(make_trigger: MakeTrigger) -> MakeTrigger:
    """A flow with two offers, an in-app channel, and a trigger for both; keywords change its config."""
    make_flow()
    make_offer("off_a", name="Card", priority=60, attributes={"pitch": "No fee."})
    make_offer("off_b", name="Loan")
    make_channel("in_app")

    def build(**config: Any) -> Trigger:
        whole = {"decisionFlowId": "df_cross_sell", "channelId": "ch_in_app", "limit": 1, **config}
        return make_trigger(
            actionType="fire_recommend",
            actionConfig={key: value for key, value in whole.items() if value is not None},
        )

    return build


def test_the_specifications_snippet_and_worked_example_are_accepted_word_for_word(
    editor_api: APIClient, schema: object
) -> None:
    for flow_id in ("df_realtime_offers", "df_cross_sell"):
        make_flow(id=flow_id)
    make_channel("webhook", id="ch_push", config={"url": "https://push.example.com", "bodyTemplate": {}})
    snippet = {
        "actionType": "fire_recommend",
        "config": {
            "decisionFlowId": "df_realtime_offers",
            "channelId": "ch_push",
            "limit": 1,
            "deliverImmediately": True,
        },
    }
    created = editor_api.post(TRIGGERS, {"name": "Snippet", "eventType": "purchase", **snippet}, format="json")
    assert (created.status_code, created.json()["actionConfig"]) == (201, snippet["config"])
    worked_example = {
        "name": "High-Value Purchase Cross-Sell",
        "eventType": "outcome.recorded",
        "condition": {
            "all": [
                {"field": "metadata.amount", "operator": "gt", "value": 500},
                {"field": "outcomeType", "operator": "eq", "value": "conversion"},
            ]
        },
        "actionType": "fire_recommend",
        "actionConfig": {
            "decisionFlowId": "df_cross_sell",
            "channelId": "ch_push",
            "limit": 1,
            "deliverImmediately": True,
        },
        "cooldownMs": 86400000,
        "priority": 75,
    }
    created = editor_api.post(TRIGGERS, worked_example, format="json")
    assert created.status_code == 201
    assert {**created.json(), **worked_example} == created.json()
    assert created.json()["id"] == "trg_high_value_purchase_cross_sell"


def test_the_worked_example_ends_with_a_push_message(
    editor_api: APIClient, ingest_api: APIClient, make_customer: MakeCustomer, receiver: Receiver
) -> None:
    make_customer("cust_78", tier="gold")
    make_flow(eligibility=GOLD)
    make_offer("off_a", name="Card", priority=60)
    make_offer("off_b", name="Loan")
    body_template = {
        "to": "{{customer.customerId}}",
        "text": "{{offer.name}} after {{event.metadata.amount}}",
        "recommendationId": "{{recommendation.recommendationId}}",
    }
    make_channel("webhook", id="ch_push", config={"url": receiver.url, "bodyTemplate": body_template})
    config = {"decisionFlowId": "df_cross_sell", "channelId": "ch_push", "maxOffers": 1}
    trigger = {
        "id": "trg_high_value_purchase",
        "name": "High-Value Purchase Cross-Sell",
        "eventType": "outcome.recorded",
        "condition": {"all": [{"field": "metadata.amount", "operator": "gt", "value": 500}]},
        "actionType": "fire_recommend",
        "actionConfig": config,
        "cooldownMs": 86400000,
    }
    assert editor_api.post(TRIGGERS, trigger, format="json").status_code == 201
    outcome = {
        "customerId": "cust_78",
        "outcome": "conversion",
        "offerId": "off_b",
        "metadata": {"amount": 750},
        "idempotencyKey": "order-4711",
    }
    assert ingest_api.post("/api/v1/respond", outcome, format="json").status_code == 201
    process_all()
    send_due(run_seconds=10)

    firing, stored, delivery = Firing.objects.get(), Recommendation.objects.get(), Delivery.objects.get()
    assert (firing.outcome, firing.error) == ("queued", "")
    assert firing.detail == {
        "recommendationId": stored.pk,
        "decisions": [{"rank": 1, "offerId": "off_a", "score": 60.0}],
        "deliveryIds": [delivery.pk],
    }
    assert (stored.customer_id, stored.cause) == ("cust_78", firing.pk)
    assert stored.filtered == [{"offerId": "off_b", "reason": "ranked 2nd, the limit is 1"}]
    assert stored.context == {
        "triggerId": "trg_high_value_purchase",
        "firingId": firing.pk,
        "eventId": firing.event_id,
        "eventType": "outcome.recorded",
    }
    (request,) = receiver.received
    assert request.headers["webhook-id"] == firing.pk
    assert request.json == {"to": "cust_78", "text": "Card after 750", "recommendationId": stored.pk}
    assert (delivery.source, delivery.source_id) == ("trigger", "trg_high_value_purchase")
    entry = Entry.objects.get(action="trigger.fired")
    assert (entry.action_taken, entry.outcome, entry.customer_id) == ("fire_recommend", "queued", "cust_78")


def test_by_email(
    make_recommender: MakeTrigger, make_customer: MakeCustomer, send: Send, mail_server: MailServer
) -> None:
    make_customer("cust_78", tier="ada@example.com")
    make_channel("email", config={"to": "{{customer.tier}}", "subject": "{{offer.name}}", "body": "{{event.type}}"})
    make_recommender(channelId="ch_email")
    send()
    send_due(run_seconds=10)
    (mail,) = mail_server.received
    assert (mail.recipients, mail.message["Subject"], mail.text) == (["ada@example.com"], "Card", "purchase")
    assert Firing.objects.get().outcome == "queued"


def test_into_the_inbox_is_done_at_once(make_recommender: MakeTrigger, send: Send) -> None:
    trigger = make_recommender(limit=None)
    event = send()
    firing, message = Firing.objects.get(), InboxMessage.objects.get()
    assert decisions(event) == {trigger.pk: "fired"}
    assert firing.outcome == "succeeded"
    assert firing.detail["messageIds"] == [message.pk]
    assert [one["offerId"] for one in firing.detail["decisions"]] == ["off_a", "off_b"]
    assert (message.title, message.body, message.offer_id, message.cause) == ("Card", "No fee.", "off_a", firing.pk)


def test_without_delivery_it_is_only_stored(make_recommender: MakeTrigger, send: Send) -> None:
    make_recommender(deliverImmediately=False)
    make_recommender(deliverImmediately=False, channelId=None)
    send()
    assert [firing.outcome for firing in Firing.objects.all()] == ["succeeded", "succeeded"]
    assert Recommendation.objects.count() == 2
    assert (Delivery.objects.count(), InboxMessage.objects.count()) == (0, 0)


def test_no_eligible_offer_is_skipped_with_the_reason(make_recommender: MakeTrigger, send: Send) -> None:
    trigger = make_recommender()
    Offer.objects.filter(pk="off_a").update(eligibility=GOLD)
    Offer.objects.filter(pk="off_b").update(status="paused")
    event = send()
    firing, stored = Firing.objects.get(), Recommendation.objects.get()
    reason = (
        "No offer of df_cross_sell is for this customer. off_a: the customer is not eligible: customer.tier is missing."
    )
    assert (firing.outcome, firing.error) == ("skipped", reason)
    assert firing.detail == {"recommendationId": stored.pk, "decisions": []}
    assert decisions(event) == {trigger.pk: "fired"}
    assert event.decisions[0]["reason"] == reason
    assert InboxMessage.objects.count() == 0


@pytest.mark.parametrize("how", ["over", "used up"])
def test_an_offer_that_is_over_is_never_sent(make_recommender: MakeTrigger, send: Send, how: str) -> None:
    make_recommender()
    if how == "over":
        Offer.objects.update(ends_at=clock.now() - timedelta(seconds=1))
    else:
        Offer.objects.update(exhausted_at=clock.now())
    send()
    firing = Firing.objects.get()
    assert (firing.outcome, firing.error) == ("skipped", "No offer is available to df_cross_sell at the moment.")


@pytest.mark.parametrize(
    ("what", "how", "reason"),
    [
        ("flow", "gone", "there is no decision flow df_cross_sell any more."),
        ("flow", "draft", "the decision flow df_cross_sell is draft, not active."),
        ("flow", "paused", "the decision flow df_cross_sell is paused, not active."),
        ("flow", "archived", "the decision flow df_cross_sell is archived, not active."),
        ("channel", "gone", "there is no channel ch_in_app any more."),
        ("channel", "paused", "the channel ch_in_app is paused; nothing is sent through it."),
    ],
)
def test_a_flow_or_channel_that_is_gone_or_not_active_fails_the_firing(
    make_recommender: MakeTrigger, send: Send, viewer_api: APIClient, what: str, how: str, reason: str
) -> None:
    trigger = make_recommender()
    keeper, row_id = {"flow": (FLOWS, "df_cross_sell"), "channel": (CHANNELS, "ch_in_app")}[what]
    if how == "gone":
        keeper.delete(row_id=row_id, now=clock.now())  # type: ignore[attr-defined]
    else:
        keeper.update(row_id=row_id, values={"status": how}, now=clock.now())  # type: ignore[attr-defined]
    tried = viewer_api.post(f"{TRIGGERS}/{trigger.pk}/test", {"eventPayload": {"customerId": "a"}}, format="json")
    assert (tried.json()["decision"], tried.json()["action"]) == ("action_failed", None)
    event = send()
    firing = Firing.objects.get()
    assert (firing.outcome, firing.error, firing.detail) == ("failed", reason, {})
    assert event.decisions[0]["decision"] == "action_failed"
    assert event.decisions[0]["reason"] == reason
    assert (Recommendation.objects.count(), InboxMessage.objects.count()) == (0, 0)


def test_an_address_that_is_none_fails_the_firing_and_keeps_what_was_recommended(
    make_recommender: MakeTrigger, send: Send
) -> None:
    make_channel("email")
    make_recommender(channelId="ch_email")
    send()
    firing = Firing.objects.get()
    assert firing.outcome == "failed"
    assert firing.error == "the customer has no address: to of the channel ch_email renders to nothing."
    assert firing.detail["recommendationId"] == Recommendation.objects.get().pk
    assert Delivery.objects.count() == 0


def test_an_event_without_a_customer_fires_nothing(make_recommender: MakeTrigger, send: Send) -> None:
    trigger = make_recommender()
    assert decisions(send(customer_id=None)) == {trigger.pk: "missing_customer"}
    assert Firing.objects.count() == 0


def test_a_paused_trigger_holds_its_message_and_a_deleted_one_cancels_it(
    make_recommender: MakeTrigger, send: Send, receiver: Receiver
) -> None:
    make_channel("webhook", config={"url": receiver.url, "bodyTemplate": {}})
    trigger = make_recommender(channelId="ch_webhook")
    send()
    update_trigger(trigger_id=trigger.pk, values={"status": "paused"}, now=clock.now())
    send_due(run_seconds=10)
    assert Delivery.objects.get().status == "held"
    update_trigger(trigger_id=trigger.pk, values={"status": "active"}, now=clock.now())
    delete_trigger(trigger_id=trigger.pk)
    send_due(run_seconds=10)
    assert Delivery.objects.get().status == "cancelled"
    assert receiver.received == []


def test_a_batch_does_what_one_by_one_does(
    make_recommender: MakeTrigger, make_customer: MakeCustomer, receiver: Receiver
) -> None:
    for number in range(6):
        make_customer(f"cust_{number}", tier="gold" if number % 2 else "silver", balance=number)
    Offer.objects.filter(pk="off_a").update(eligibility=GOLD)
    FLOWS.update(row_id="df_cross_sell", values={"score": {"formula": "customer_balance"}}, now=clock.now())
    make_channel("webhook", config={"url": receiver.url, "bodyTemplate": {"offer": "{{offer.id}}"}})
    make_recommender(limit=2)
    make_recommender(channelId="ch_webhook")
    events = [
        {"eventType": "purchase", "customerId": f"cust_{number}", "eventId": f"evt_{number}"} for number in range(6)
    ]

    def outcome() -> list[Any]:
        found = [
            (firing.event_id, firing.trigger_id, firing.outcome, firing.error, firing.detail["decisions"])
            for firing in Firing.objects.order_by("event_id", "trigger_id")
        ]
        sent = sorted(Delivery.objects.values_list("customer_id", "firing_id", "body"))
        inbox = sorted(InboxMessage.objects.values_list("customer_id", "title", "offer_id"))
        for model in (Firing, Recommendation, Delivery, InboxMessage):
            model.objects.all().delete()
        return [found, sent, inbox]

    ingest(events, source="api", now=clock.now())
    process_all()
    together = outcome()
    assert [len(part) for part in together] == [12, 6, 6]
    Event.objects.filter(event_id__startswith="evt_").delete()
    for event in events:
        ingest(event, source="api", now=clock.now())
        process_all()
    assert outcome() == together


def test_it_sees_the_customer_as_a_higher_trigger_has_left_them(
    make_recommender: MakeTrigger, make_trigger: MakeTrigger, make_customer: MakeCustomer, send: Send, schema: Any
) -> None:
    make_customer("cust_78", tier="silver")
    Offer.objects.filter(pk="off_a").update(eligibility=GOLD)
    make_trigger(
        priority=90,
        actionConfig={"schemaId": schema.pk, "updates": [{"field": "tier", "value": "gold"}]},
    )
    make_recommender()
    send()
    assert InboxMessage.objects.get().offer_id == "off_a"


def test_a_bug_harms_no_other_firing_and_leaves_nothing_half_done(
    make_recommender: MakeTrigger, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_recommender()

    def breaks(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("a bug")

    monkeypatch.setattr(fire_recommend, "send", breaks)
    monkeypatch.setattr(dispatch.logger, "exception", lambda *args, **kwargs: None)
    send()
    firing = Firing.objects.get()
    assert (firing.outcome, firing.error[:35]) == ("failed", "The action broke with RuntimeError;")
    assert Recommendation.objects.count() == 0


def test_a_replayed_event_recommends_nothing_twice(make_recommender: MakeTrigger, send: Send) -> None:
    make_recommender()
    event = send()
    Event.objects.filter(pk=event.pk).update(status="pending", attempts=1)
    process_all()
    assert (Firing.objects.count(), Recommendation.objects.count(), InboxMessage.objects.count()) == (1, 1, 1)


def test_a_dry_run_shows_decisions_and_message_and_does_nothing(
    make_recommender: MakeTrigger, make_customer: MakeCustomer, viewer_api: APIClient, receiver: Receiver
) -> None:
    make_customer("cust_78", tier="gold")
    make_channel(
        "webhook",
        config={
            "url": receiver.url,
            "headers": {"Authorization": "Bearer {{secret.push_token}}"},
            "bodyTemplate": {"text": "{{offer.name}}"},
        },
    )
    trigger = make_recommender(channelId="ch_webhook")
    url = f"{TRIGGERS}/{trigger.pk}/test"
    tried = viewer_api.post(url, {"eventPayload": {"customerId": "cust_78"}}, format="json").json()
    assert (tried["wouldFire"], tried["decision"]) == (True, "fired")
    assert tried["action"] == {
        "type": "fire_recommend",
        "decisionFlowId": "df_cross_sell",
        "channelId": "ch_webhook",
        "decisions": [{"rank": 1, "offerId": "off_a", "offerName": "Card", "score": 60.0}],
        "filtered": [{"offerId": "off_b", "reason": "ranked 2nd, the limit is 1"}],
        "message": {
            "method": "POST",
            "url": receiver.url,
            "headers": {"Authorization": "Bearer {{secret.push_token}}"},
            "body": {"text": "Card"},
        },
    }
    Offer.objects.update(status="paused")
    tried = viewer_api.post(url, {"eventPayload": {"customerId": "cust_78"}}, format="json").json()
    assert tried["action"]["outcome"] == "skipped"
    assert tried["action"]["reason"] == "No offer is available to df_cross_sell at the moment."
    assert (Recommendation.objects.count(), Delivery.objects.count(), Firing.objects.count()) == (0, 0, 0)


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({}, "decisionFlowId"),
        ({"decisionFlowId": "df_none", "channelId": "ch_in_app"}, "decisionFlowId"),
        ({"decisionFlowId": "df_cross_sell"}, "channelId"),
        ({"decisionFlowId": "df_cross_sell", "channelId": "ch_none"}, "channelId"),
        ({"decisionFlowId": "df_cross_sell", "channelId": "ch_none", "deliverImmediately": False}, "channelId"),
        ({"decisionFlowId": "df_cross_sell", "channelId": "ch_in_app", "limit": 0}, "limit"),
        ({"decisionFlowId": "df_cross_sell", "channelId": "ch_in_app", "limit": 51}, "limit"),
        ({"decisionFlowId": "df_cross_sell", "channelId": "ch_in_app", "limit": 1, "maxOffers": 1}, "maxOffers"),
        ({"decisionFlowId": "df_cross_sell", "channelId": "ch_in_app", "maxOffers": 51}, "maxOffers"),
        (
            {"decisionFlowId": "df_cross_sell", "channelId": "ch_in_app", "deliverImmediately": "yes"},
            "deliverImmediately",
        ),
        ({"decisionFlowId": "df_cross_sell", "channelId": "ch_in_app", "channel": "x"}, "channel"),
    ],
)
def test_a_faulty_config_is_refused_with_the_path(
    editor_api: APIClient, make_recommender: MakeTrigger, config: dict[str, Any], field: str
) -> None:
    body = {"name": "x", "eventType": "purchase", "actionType": "fire_recommend", "actionConfig": config}
    refused = editor_api.post(TRIGGERS, body, format="json")
    assert refused.status_code == 400
    assert [detail["field"] for detail in refused.json()["error"]["details"]] == [f"actionConfig.{field}"]


def test_max_offers_is_kept_as_limit(editor_api: APIClient, make_recommender: MakeTrigger) -> None:
    config = {"decisionFlowId": "df_cross_sell", "channelId": "ch_in_app", "maxOffers": 3}
    body = {"name": "x", "eventType": "purchase", "actionType": "fire_recommend", "actionConfig": config}
    kept = editor_api.post(TRIGGERS, body, format="json").json()["actionConfig"]
    assert kept == {
        "decisionFlowId": "df_cross_sell",
        "channelId": "ch_in_app",
        "limit": 3,
        "deliverImmediately": True,
    }
