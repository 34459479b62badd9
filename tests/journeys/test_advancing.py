"""From node to node, with time passed in: waits, events, splits, decisions, messages, updates, ends."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from kaireon.core import clock
from kaireon.customers.models import Record, Schema
from kaireon.decisioning.models import InboxMessage, Recommendation
from kaireon.delivery.models import Delivery
from kaireon.events.models import Event
from kaireon.journeys.lifecycle import delete_journey
from kaireon.journeys.models import Enrolment
from kaireon.journeys.resuming import end_abandoned, resume_due
from kaireon.journeys.rows import MAX_HISTORY
from tests.journeys.building import (
    HOUR,
    change,
    edge,
    enrol,
    line,
    make_journey,
    node,
    one_wait,
    only,
    pass_time,
    story,
)
from tests.triggers.fixtures import Send, process_all

pytestmark = pytest.mark.django_db

OPENED = {"field": "campaign", "operator": "eq", "value": "loan"}


@pytest.fixture
def platform(editor_api: APIClient, schema: Schema) -> None:
    """Two offers, a flow over them, and an inbox to tell of them."""
    for path, body in (
        ("offers", {"id": "off_card", "name": "Gold card", "priority": 90}),
        ("offers", {"id": "off_loan", "name": "Small loan", "priority": 10}),
        ("decision-flows", {"id": "df_cross_sell", "name": "Cross sell"}),
        (
            "channels",
            {
                "id": "ch_inbox",
                "name": "Inbox",
                "channelType": "in_app",
                "config": {"title": "{{offer.name}}", "body": "{{recommendation.count}} for {{customer.customerId}}"},
            },
        ),
        (
            "channels",
            {
                "id": "ch_push",
                "name": "Push",
                "channelType": "webhook",
                "config": {"url": "https://example.com/push", "bodyTemplate": {"to": "{{customer.customerId}}"}},
            },
        ),
    ):
        answer = editor_api.post(f"/api/v1/{path}", body, format="json")
        assert answer.status_code == 201, answer.json()


def completed_events() -> list[Event]:
    return list(Event.objects.filter(event_type="journey.completed").order_by("sequence"))


def test_a_wait_ends_at_its_hour_and_not_before() -> None:
    journey = make_journey(one_wait(delayHours=1.5))
    now = clock.now()
    enrol(journey, "ada", now=now)
    enrolment = only()
    assert (enrolment.status, enrolment.current_node, enrolment.resume_at) == ("active", "pause", now + 1.5 * HOUR)
    assert enrolment.expires_at == now + timedelta(days=30)
    resume_due(now=now + 1.5 * HOUR - timedelta(microseconds=1))
    assert only().status == "active"
    later = now + 1.5 * HOUR
    resume_due(now=later)
    enrolment = only()
    assert (enrolment.status, enrolment.reason, enrolment.completed_at) == ("completed", "completed", later)
    assert (enrolment.resume_at, enrolment.current_node, enrolment.steps) == (None, "end", 3)
    assert story(enrolment) == [
        ("start", "enrolled"),
        ("pause", "waiting"),
        ("pause", "time passed"),
        ("end", "completed"),
    ]
    (event,) = completed_events()
    assert (event.customer_id, event.cause, event.depth, event.source) == ("ada", enrolment.pk, 1, "journeys")
    assert event.properties == {
        "journeyId": journey.pk,
        "journeyName": "Loan nurture",
        "enrollmentId": enrolment.pk,
        "reason": "completed",
        "status": "completed",
    }
    resume_due(now=later + HOUR)
    assert len(completed_events()) == 1


def test_the_event_that_is_waited_for_ends_the_wait_at_once(schema: Schema, send: Send) -> None:
    journey = make_journey(one_wait(delayHours=48, waitForEvent="email.opened", condition=OPENED))
    enrol(journey, "ada", "bob", now=clock.now())
    send("email.clicked", "ada", properties={"campaign": "loan"})
    send("email.opened", "ada", properties={"campaign": "card"})
    send("email.opened", "eve", properties={"campaign": "loan"})
    assert only().waiting_for == "email.opened"
    event = send("email.opened", "ada", properties={"campaign": "loan"})
    enrolment = only()
    assert (enrolment.status, enrolment.waiting_for, enrolment.resumed_by) == ("completed", "", "")
    assert enrolment.history[2]["result"] == "event"
    assert enrolment.history[2]["eventId"] == event.event_id
    assert enrolment.event["campaign"] == "loan"
    assert only("bob").status == "active"
    assert len(completed_events()) == 1


def test_a_waits_condition_reads_the_customer_as_well(
    make_customer: Callable[..., None], schema: Schema, send: Send
) -> None:
    gold = {"field": "customer.tier", "operator": "eq", "value": "gold"}
    journey = make_journey(one_wait(delayHours=48, waitForEvent="visit", condition=gold))
    make_customer("ada", tier="gold")
    make_customer("bob", tier="silver")
    enrol(journey, "ada", "bob", "nobody", now=clock.now())
    for customer_id in ("ada", "bob", "nobody"):
        send("visit", customer_id)
    assert [only(one).status for one in ("ada", "bob", "nobody")] == ["completed", "active", "active"]


def test_two_waits_in_a_row_and_two_events_in_one_batch(schema: Schema) -> None:
    """The second event finds what the first one has left, though both are handled together."""
    from kaireon.events.ingestion import ingest

    definition = line(
        node("start", "entry_trigger", eventType="signup"),
        node("first", "wait", delayHours=9, waitForEvent="visit"),
        node("second", "wait", delayHours=9, waitForEvent="visit"),
        node("end", "exit"),
    )
    make_journey(definition)
    ingest(
        [
            {"eventType": kind, "customerId": "ada", "eventId": kind + str(n)}
            for n, kind in enumerate(["visit", "signup", "visit"])
        ],
        source="api",
        now=clock.now(),
    )
    process_all()
    assert (only().current_node, only().status) == ("second", "active")
    ingest([{"eventType": "visit", "customerId": "ada"}] * 3, source="api", now=clock.now())
    process_all()
    assert only().status == "completed"
    assert Enrolment.objects.count() == 1


def test_decide_tell_and_remember(
    platform: None, make_customer: Callable[..., None], schema: Schema, editor_api: APIClient
) -> None:
    make_customer("ada", tier="silver", event_count=1)
    count = {"field": "recommendation.count", "operator": "gte", "value": 1}
    definition = {
        "nodes": [
            node("start", "entry_trigger"),
            node("decide", "nba_decision", decisionFlowId="df_cross_sell", limit=1),
            node("any", "condition_split", condition=count),
            node("tell", "channel_action", channelId="ch_inbox", useRecommendation=True),
            node("push", "channel_action", channelId="ch_push"),
            node(
                "count",
                "update",
                schemaId=schema.pk,
                updates=[
                    {"field": "event_count", "expression": "event_count + 1"},
                    {"field": "notes", "value": "{{recommendation.decisions[0].offerId}} by {{journey.name}}"},
                ],
            ),
            node("end", "exit", reason="told"),
            node("nothing", "exit", reason="nothing to tell"),
        ],
        "edges": [
            edge("start", "decide"),
            edge("decide", "any"),
            edge("any", "tell", True),
            edge("any", "nothing", False),
            edge("tell", "push"),
            edge("push", "count"),
            edge("count", "end"),
        ],
    }
    journey = make_journey(definition)
    enrol(journey, "ada", now=clock.now())
    enrolment = only()
    assert story(enrolment) == [
        ("start", "enrolled"),
        ("decide", "recommended"),
        ("any", "true"),
        ("tell", "sent"),
        ("push", "sent"),
        ("count", "updated"),
        ("end", "completed"),
    ]
    recommendation, message, delivery = Recommendation.objects.get(), InboxMessage.objects.get(), Delivery.objects.get()
    assert (recommendation.cause, recommendation.decisions[0]["offerId"]) == (enrolment.pk, "off_card")
    assert enrolment.history[1]["recommendationId"] == recommendation.pk
    assert enrolment.recommendation == {
        "recommendationId": recommendation.pk,
        "decisionFlowId": "df_cross_sell",
        "count": 1,
        "decisions": recommendation.decisions,
    }
    assert (message.title, message.body, message.offer_id) == ("Gold card", "1 for ada", "off_card")
    assert (message.cause, delivery.firing_id) == (f"{enrolment.pk}-3", f"{enrolment.pk}-4")
    assert (delivery.source, delivery.source_id) == ("journey", journey.pk)
    assert (enrolment.history[3]["ids"], enrolment.history[4]["ids"]) == ([message.pk], [delivery.pk])
    assert Record.objects.get().attributes == {
        "tier": "silver",
        "event_count": 2,
        "notes": "off_card by Loan nurture",
    }
    updated = Event.objects.filter(event_type="customer.updated").get()
    assert (updated.cause, updated.depth) == (enrolment.pk, 1)


@pytest.mark.parametrize(
    ("gone", "node_id", "reason"),
    [
        (("delete", "decision-flows/df_cross_sell", None), "decide", "there is no decision flow df_cross_sell"),
        (("put", "decision-flows/df_cross_sell", {"status": "paused"}), "decide", "df_cross_sell is paused"),
        (("put", "decision-flows/df_cross_sell", {"status": "archived"}), "decide", "df_cross_sell is archived"),
        (("delete", "channels/ch_push", None), "push", "ch_push"),
        (("put", "channels/ch_push", {"status": "paused"}), "push", "paused"),
        (("put", "offers/off_card", {"status": "archived"}), "", ""),
    ],
)
def test_what_goes_away_or_is_paused_in_between_is_noted_and_the_enrolment_goes_on(
    platform: None, admin_api: APIClient, gone: tuple[str, str, Any], node_id: str, reason: str
) -> None:
    definition = line(
        node("start", "entry_trigger"),
        node("pause", "wait", delayHours=1),
        node("decide", "nba_decision", decisionFlowId="df_cross_sell"),
        node("tell", "channel_action", channelId="ch_inbox", useRecommendation=True),
        node("push", "channel_action", channelId="ch_push"),
        node("end", "exit"),
    )
    journey = make_journey(definition)
    now = clock.now()
    enrol(journey, "ada", now=now)
    method, path, body = gone
    assert getattr(admin_api, method)(f"/api/v1/{path}", body, format="json").status_code in {200, 204}
    pass_time(now)
    enrolment = only()
    assert (enrolment.status, enrolment.reason) == ("completed", "completed")
    results = dict(story(enrolment))
    if node_id:
        assert results[node_id] == "failed"
        assert reason in next(one["reason"] for one in enrolment.history if one["node"] == node_id and "reason" in one)
    if node_id == "decide":
        assert results["tell"] == "skipped"
        assert enrolment.recommendation is not None
        assert enrolment.recommendation["count"] == 0
    if not node_id:
        assert InboxMessage.objects.get().offer_id == "off_loan"


def test_an_update_that_cannot_be_done_is_noted(schema: Schema) -> None:
    definition = line(
        node("start", "entry_trigger"),
        node("count", "update", schemaId=schema.pk, updates=[{"field": "event_count", "value": "{{event.n}}"}]),
        node("end", "exit"),
    )
    enrol(make_journey(definition), "nobody", now=clock.now())
    failed = only("nobody").history[1]
    assert (failed["result"], failed["reason"]) == (
        "failed",
        "customer nobody has no record in schema schema_customer_profile.",
    )
    assert only("nobody").status == "completed"


def test_a_split_says_why_not(schema: Schema, make_customer: Callable[..., None]) -> None:
    definition = {
        "nodes": [
            node("start", "entry_trigger"),
            node("rich", "condition_split", condition={"field": "customer.balance", "operator": "gt", "value": 100}),
            node("yes", "exit", reason="rich"),
            node("no", "exit", reason="not yet"),
        ],
        "edges": [edge("start", "rich"), edge("rich", "yes", True), edge("rich", "no", False)],
    }
    make_customer("ada", balance=200)
    make_customer("bob", balance=50)
    enrol(make_journey(definition), "ada", "bob", now=clock.now())
    assert (only("ada").reason, only("bob").reason) == ("rich", "not yet")
    assert only("bob").history[1]["reason"].startswith("customer.balance")


def test_a_circle_through_a_wait_ends_when_the_time_of_the_journey_is_over() -> None:
    definition = {
        "nodes": [
            node("start", "entry_trigger"),
            node("pause", "wait", delayHours=10),
            node("gold", "condition_split", condition={"field": "customer.tier", "operator": "eq", "value": "gold"}),
            node("end", "exit"),
        ],
        "edges": [
            edge("start", "pause"),
            edge("pause", "gold"),
            edge("gold", "end", True),
            edge("gold", "pause", False),
        ],
    }
    journey = make_journey(definition, maxDurationDays=1)
    now = clock.now()
    enrol(journey, "ada", now=now)
    pass_time(now, 10)
    pass_time(now, 20)
    assert only().resume_at == now + timedelta(days=1)
    pass_time(now, 24)
    enrolment = only()
    assert (enrolment.status, enrolment.reason, enrolment.current_node) == ("exited", "expired", "pause")
    assert enrolment.history[-1]["result"] == "exited"
    (event,) = completed_events()
    assert (event.properties["status"], event.properties["reason"]) == ("exited", "expired")


def test_the_history_keeps_the_newest_lines() -> None:
    definition = {
        "nodes": [
            node("start", "entry_trigger"),
            node("pause", "wait", delayHours=1),
            node("gold", "condition_split", condition={"field": "customer.tier", "operator": "eq", "value": "gold"}),
            node("end", "exit"),
        ],
        "edges": [
            edge("start", "pause"),
            edge("pause", "gold"),
            edge("gold", "end", True),
            edge("gold", "pause", False),
        ],
    }
    journey = make_journey(definition)
    now = clock.now()
    enrol(journey, "ada", now=now)
    for _ in range(70):
        now = pass_time(now)
    history = only().history
    assert len(history) == MAX_HISTORY
    assert (history[-1]["result"], history[-2]["result"], history[-3]["result"]) == ("waiting", "false", "time passed")
    assert [one["at"] for one in history] == sorted(one["at"] for one in history)


def test_waits_of_a_paused_journey_are_taken_up_when_it_is_active_again(schema: Schema, send: Send) -> None:
    journey = make_journey(one_wait(delayHours=1, waitForEvent="visit"))
    now = clock.now()
    enrol(journey, "ada", "bob", now=now)
    change(journey, status="paused")
    event = send("visit", "bob", properties={"page": "loans"})
    pass_time(now)
    assert [only(one).status for one in ("ada", "bob")] == ["active", "active"]
    change(journey, status="active")
    pass_time(now)
    assert [only(one).history[2]["result"] for one in ("ada", "bob")] == ["time passed", "event"]
    assert only("bob").history[2]["eventId"] == event.event_id
    assert only("bob").event["page"] == "loans"
    assert [only(one).status for one in ("ada", "bob")] == ["completed", "completed"]


@pytest.mark.parametrize("end", ["archived", "deleted"])
def test_who_is_in_a_journey_that_is_archived_or_deleted_leaves_it(schema: Schema, send: Send, end: str) -> None:
    journey = make_journey(one_wait(delayHours=1, waitForEvent="visit"))
    other = make_journey(one_wait(), name="Another")
    now = clock.now()
    enrol(journey, *(f"c{number}" for number in range(620)), now=now)
    enrol(other, "ada", now=now)
    if end == "archived":
        change(journey, status="archived")
    else:
        delete_journey(journey_id=journey.pk, now=now)
    send("visit", "c7")
    resume_due(now=now + HOUR)
    assert Enrolment.objects.filter(journey_id=journey.pk, status="active").count() == 620
    assert end_abandoned(now=now) == 620
    assert set(Enrolment.objects.filter(journey_id=journey.pk).values_list("status", "reason")) == {("exited", end)}
    last = only("c1").history[-1]
    assert (last["node"], last["result"], last["reason"]) == ("pause", "exited", end)
    assert only().status == "completed"
    assert [event.customer_id for event in completed_events()] == ["ada"]
    assert end_abandoned(now=now) == 0


def test_an_enrolment_follows_the_journey_as_it_is_now() -> None:
    journey = make_journey(one_wait())
    now = clock.now()
    enrol(journey, "ada", now=now)
    change(
        journey,
        definition=line(
            node("start", "entry_trigger"),
            node("pause", "wait", delayHours=1),
            node("again", "wait", delayHours=2),
            node("end", "exit", reason="later"),
        ),
    )
    assert only().journey_version == 1
    now = pass_time(now)
    assert (only().current_node, only().resume_at) == ("again", now + 2 * HOUR)
    change(journey, definition=one_wait())
    pass_time(now, 2)
    enrolment = only()
    assert (enrolment.status, enrolment.reason) == ("exited", "failed: the journey has no node again any more")
    assert completed_events()[0].properties["reason"] == enrolment.reason


def test_a_wait_that_has_become_something_else_is_done_as_that() -> None:
    journey = make_journey(one_wait())
    now = clock.now()
    enrol(journey, "ada", now=now)
    change(journey, definition=line(node("start", "entry_trigger"), node("pause", "exit", reason="short")))
    pass_time(now)
    assert (only().status, only().reason) == ("completed", "short")
