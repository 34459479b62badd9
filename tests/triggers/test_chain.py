"""The whole chain of events, firings and effects, from any of its members."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from kaireon.core import clock
from kaireon.core.clock import iso
from kaireon.decisioning.models import InboxMessage
from kaireon.delivery.models import Delivery
from kaireon.events.models import Event
from kaireon.journeys.models import Enrolment
from tests.factories import EventFactory, FiringFactory
from tests.triggers.fixtures import Send
from triggers.chain import MAX_NODES
from triggers.models import Firing, Trigger

MakeTrigger = Callable[..., Trigger]
MakeCustomer = Callable[..., None]

pytestmark = pytest.mark.django_db


def chain(api: APIClient, member: str, *, kind: str = "events") -> dict[str, Any]:
    answer = api.get(f"/api/v1/{kind}/{member}/chain")
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()
    return body


def test_a_loop_of_eight_levels_is_shown_whole_from_each_of_its_members(
    make_trigger: MakeTrigger, make_customer: MakeCustomer, send: Send, viewer_api: APIClient
) -> None:
    make_customer("cust_78")
    looping = make_trigger(eventType="customer.updated")
    first = make_trigger(eventType="purchase")
    root = send("purchase", eventId="order-1")
    send("purchase", "cust_other")

    expected: list[dict[str, Any]] = []
    event: Event | None = root
    while event is not None:
        trigger = looping if event.depth else first
        firing = Firing.objects.filter(event_id=event.event_id).first()
        expected.append(
            {
                "type": "event",
                "id": event.event_id,
                "parent": event.cause or None,
                "depth": event.depth,
                "at": iso(event.received_at),
                "eventType": "customer.updated" if event.depth else "purchase",
                "customerId": "cust_78",
                "status": "processed",
            }
        )
        if firing is None:
            break
        expected.append(
            {
                "type": "firing",
                "id": firing.pk,
                "parent": event.event_id,
                "depth": event.depth,
                "at": iso(firing.fired_at),
                "triggerId": trigger.pk,
                "actionType": "update_attribute",
                "outcome": "succeeded",
                "customerId": "cust_78",
            }
        )
        event = Event.objects.get(cause=firing.pk)
    assert [node["depth"] for node in expected] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8]

    for node in expected:
        found = chain(viewer_api, node["id"], kind=f"{node['type']}s")
        assert found == {"root": "order-1", "nodes": expected, "truncated": False}


def test_an_event_that_led_to_nothing_is_its_own_chain(send: Send, viewer_api: APIClient) -> None:
    event = send("purchase", eventId="order-1")
    found = chain(viewer_api, "order-1")
    assert (found["root"], len(found["nodes"]), found["truncated"]) == ("order-1", 1, False)
    assert found["nodes"][0]["at"] == iso(event.received_at)


def types(found: dict[str, Any]) -> list[tuple[str, str, str | None, int | None]]:
    return [(node["type"], node["id"], node["parent"], node["depth"]) for node in found["nodes"]]


def test_journeys_are_gone_through(viewer_api: APIClient) -> None:
    now = clock.now()
    EventFactory.create(event_id="e0")
    firing = FiringFactory.create(event_id="e0", action_type="enroll_journey")
    for number, cause in enumerate([firing.pk, "e0"]):
        Enrolment.objects.create(
            id=f"enr_{number}",
            journey_id=f"jrn_{number}",
            journey_version=1,
            customer_id="c",
            current_node="start",
            started_at=now + timedelta(seconds=number),
            expires_at=now + timedelta(days=30),
            cause=cause,
            depth=0,
        )
    EventFactory.create(event_id="e1", event_type="journey.completed", cause="enr_0", depth=1)
    second = FiringFactory.create(event_id="e1")
    EventFactory.create(event_id="e2", cause=second.pk, depth=2)
    expected = [
        ("event", "e0", None, 0),
        ("firing", firing.pk, "e0", 0),
        ("enrolment", "enr_1", "e0", 0),
        ("enrolment", "enr_0", firing.pk, 0),
        ("event", "e1", "enr_0", 1),
        ("firing", second.pk, "e1", 1),
        ("event", "e2", second.pk, 2),
    ]
    found = chain(viewer_api, "e0")
    assert (types(found), found["root"]) == (expected, "e0")
    for member in ("e1", "e2"):
        assert chain(viewer_api, member) == found
    assert found["nodes"][3]["journeyId"] == "jrn_0"


def test_what_an_enrolment_has_sent_is_found_in_its_history(viewer_api: APIClient) -> None:
    now = clock.now()
    EventFactory.create(event_id="e0")
    Enrolment.objects.create(
        id="enr_1",
        journey_id="jrn_1",
        journey_version=1,
        customer_id="c",
        current_node="start",
        started_at=now,
        expires_at=now,
        cause="e0",
        history=[{"node": "a", "ids": ["dlv_1", "dlv_gone"]}, {"node": "b"}, {"node": "c", "ids": ["msg_1"]}],
    )
    facts = {"customer_id": "c", "created_at": now}
    Delivery.objects.create(id="dlv_1", status="delivered", **facts)
    InboxMessage.objects.create(id="msg_1", channel_id="ch_1", **facts)
    found = chain(viewer_api, "e0")
    assert types(found) == [
        ("event", "e0", None, 0),
        ("enrolment", "enr_1", "e0", 0),
        ("delivery", "dlv_1", "enr_1", 1),
        ("message", "msg_1", "enr_1", 1),
    ]
    assert (found["nodes"][2]["status"], found["nodes"][3]["channelId"]) == ("delivered", "ch_1")


def test_a_cause_that_is_not_stored_any_more_is_shown_by_its_name(viewer_api: APIClient) -> None:
    for cause, kind in [("enr_gone", "enrolment"), ("fir_gone", "firing"), ("order-9", "event")]:
        first, second = (EventFactory.create(cause=cause, depth=3).event_id for _ in range(2))
        found = chain(viewer_api, second)
        assert found["root"] == cause
        assert types(found) == [
            (kind, cause, None, None),
            ("event", first, cause, 3),
            ("event", second, cause, 3),
        ]
        assert found["nodes"][0] == {"type": kind, "id": cause, "parent": None, "depth": None, "at": None}


def test_of_more_than_500_members_the_nearest_to_the_root_are_shown_and_the_way_to_the_asked(
    viewer_api: APIClient,
) -> None:
    EventFactory.create(event_id="e0")
    firings = [FiringFactory.create(event_id="e0", trigger_id=f"trg_{number}") for number in range(10)]
    for firing in firings:
        for _ in range(60):
            EventFactory.create(cause=firing.pk, depth=1)
    last = EventFactory.create(event_id="last", cause=firings[-1].pk, depth=1)
    deeper = FiringFactory.create(event_id="last")
    EventFactory.create(event_id="deepest", cause=deeper.pk, depth=2)
    found = chain(viewer_api, "deepest")
    assert (found["root"], len(found["nodes"]), found["truncated"]) == ("e0", MAX_NODES, True)
    ids = [node["id"] for node in found["nodes"]]
    assert len(set(ids)) == MAX_NODES
    assert {"e0", firings[-1].pk, last.event_id, deeper.pk, "deepest"} <= set(ids)
    assert ids[-2:] == [deeper.pk, "deepest"]


def test_exactly_500_are_not_truncated(viewer_api: APIClient) -> None:
    EventFactory.create(event_id="e0")
    firing = FiringFactory.create(event_id="e0")
    for _ in range(MAX_NODES - 2):
        EventFactory.create(cause=firing.pk, depth=1)
    found = chain(viewer_api, "e0")
    assert (len(found["nodes"]), found["truncated"]) == (MAX_NODES, False)
    EventFactory.create(cause=firing.pk, depth=1)
    assert chain(viewer_api, "e0")["truncated"] is True


def test_ids_that_name_each_other_end_the_search(viewer_api: APIClient) -> None:
    EventFactory.create(event_id="e1", cause="e2")
    EventFactory.create(event_id="e2", cause="e1")
    found = chain(viewer_api, "e1")
    assert {node["id"] for node in found["nodes"]} == {"e1", "e2"}


def test_the_number_of_queries_is_the_same_for_every_chain(viewer_api: APIClient) -> None:
    EventFactory.create(event_id="e0")

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            chain(viewer_api, "e0")
        return len(captured)

    queries()  # the first call of a key notes that it was used
    alone = queries()
    firing = FiringFactory.create(event_id="e0")
    for number in range(30):
        event = EventFactory.create(cause=firing.pk)
        FiringFactory.create(event_id=event.event_id, trigger_id=f"trg_{number}")
    assert queries() == alone


def test_the_index_of_causes_is_used() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = Event.objects.filter(cause__in=["fir_1", "fir_2"]).exclude(cause="").explain()
    assert "event_by_cause" in plan


def test_unknown_members_are_not_found_and_only_readers_may_look(
    viewer_api: APIClient, ingest_api: APIClient, anonymous_api: APIClient
) -> None:
    for kind in ("events", "firings"):
        path = f"/api/v1/{kind}/nothing/chain"
        clients = (viewer_api, ingest_api, anonymous_api)
        assert [client.get(path).status_code for client in clients] == [404, 403, 401]
