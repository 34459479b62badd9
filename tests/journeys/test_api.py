"""The journeys' routes: CRUD, statuses, refusals with paths, enrolling, enrolments, the walk."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from audit.models import Entry
from kaireon.core import clock
from kaireon.customers.models import Schema
from kaireon.journeys.models import Enrolment, Journey
from kaireon.journeys.resuming import end_abandoned
from tests.journeys.building import JOURNEYS, edge, line, node, one_wait

pytestmark = pytest.mark.django_db

BODY = {"name": "Loan nurture", "definition": one_wait(), "status": "active"}


def create(api: APIClient, **body: Any) -> Any:
    answer = api.post(JOURNEYS, {**BODY, **body}, format="json")
    assert answer.status_code == 201, answer.json()
    return answer.json()


def refused(answer: Any) -> tuple[int, list[str]]:
    return answer.status_code, [detail["field"] for detail in answer.json()["error"]["details"]]


def test_a_journey_from_draft_to_its_end(editor_api: APIClient, admin_api: APIClient) -> None:
    journey = create(editor_api, status="draft", definition={}, description="Four weeks.")
    assert journey | {"createdAt": 0, "updatedAt": 0} == {
        "id": "jrn_loan_nurture",
        "name": "Loan nurture",
        "description": "Four weeks.",
        "status": "draft",
        "maxDurationDays": 30,
        "definition": {},
        "version": 1,
        "createdAt": 0,
        "updatedAt": 0,
    }
    url = f"{JOURNEYS}/jrn_loan_nurture"
    empty = editor_api.put(url, {"status": "active"}, format="json")
    assert refused(empty) == (400, ["definition"])
    changed = editor_api.put(url, {"definition": one_wait(), "maxDurationDays": 7}, format="json").json()
    assert (changed["version"], changed["maxDurationDays"]) == (2, 7)
    assert changed["definition"] == one_wait()
    assert editor_api.patch(url, {"status": "active"}, format="json").json()["status"] == "active"
    assert editor_api.put(url, {"version": 1, "name": "Late"}, format="json").status_code == 409
    assert editor_api.get(url).json()["version"] == 3
    assert editor_api.get(JOURNEYS, {"status": "active"}).json()["pagination"]["total"] == 1
    assert editor_api.get(JOURNEYS, {"status": "draft"}).json()["data"] == []
    assert editor_api.get(JOURNEYS, {"search": "nurture four"}).json()["pagination"]["total"] == 1
    assert editor_api.delete(url).status_code == 403
    assert admin_api.delete(url).status_code == 204
    assert editor_api.get(url).status_code == 404
    assert list(Entry.objects.order_by("id").filter(subject="jrn_loan_nurture").values_list("action", flat=True)) == [
        "journey.created",
        "journey.updated",
        "journey.status_changed",
        "journey.deleted",
    ]
    assert create(editor_api)["id"] == "jrn_loan_nurture"


def test_a_deleted_journeys_id_is_not_given_out_while_its_enrolments_stay(
    editor_api: APIClient, admin_api: APIClient
) -> None:
    create(editor_api)
    editor_api.post(f"{JOURNEYS}/jrn_loan_nurture/enroll", {"customerId": "ada"}, format="json")
    admin_api.delete(f"{JOURNEYS}/jrn_loan_nurture")
    assert create(editor_api)["id"] == "jrn_loan_nurture_2"
    assert end_abandoned(now=clock.now()) == 1
    (enrolment,) = editor_api.get(f"{JOURNEYS}/jrn_loan_nurture/enrollments").json()["data"]
    assert (enrolment["status"], enrolment["reason"]) == ("exited", "deleted")


@pytest.mark.parametrize(
    ("before", "allowed"),
    [
        ("draft", {"draft", "active", "archived"}),
        ("active", {"active", "paused", "archived"}),
        ("paused", {"paused", "active", "archived"}),
        ("archived", {"archived"}),
    ],
)
def test_transitions(editor_api: APIClient, before: str, allowed: set[str]) -> None:
    for after in ("draft", "active", "paused", "archived"):
        journey = create(editor_api, id=f"jrn_{before}_{after}", status=before)
        answer = editor_api.put(f"{JOURNEYS}/{journey['id']}", {"status": after}, format="json")
        if after in allowed:
            assert (answer.status_code, answer.json()["status"]) == (200, after)
        else:
            assert (answer.status_code, answer.json()["error"]["code"]) == (409, "invalid_transition")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"name": "x" * 256}, "name"),
        ({"description": "x" * 2001}, "description"),
        ({"maxDurationDays": 0}, "maxDurationDays"),
        ({"maxDurationDays": 366}, "maxDurationDays"),
        ({"status": "live"}, "status"),
        ({"entry": {}}, "entry"),
        ({"definition": []}, "definition"),
        ({"definition": {"nodes": [{"id": "a"}]}}, "definition.nodes[0].type"),
        ({"definition": {"nodes": [], "edges": [], "x": 1}}, "definition.x"),
        ({"definition": line(node("a b", "exit"))}, "definition.nodes[0].id"),
        ({"definition": line(node("s", "entry_trigger"), node("e", "end"))}, "definition.nodes[1].type"),
        (
            {"definition": {**one_wait(), "edges": [edge("start", "pause"), edge("pause", "nowhere")]}},
            "definition.edges[1].to",
        ),
        ({"definition": {**one_wait(), "edges": [{"from": "start"}]}}, "definition.edges[0].to"),
        (
            {"definition": {**one_wait(), "edges": [{**edge("start", "end"), "when": "true"}]}},
            "definition.edges[0].when",
        ),
        ({"definition": one_wait(delayHours=0)}, "definition.nodes[1].config.delayHours"),
        ({"definition": one_wait(delayHours=8761)}, "definition.nodes[1].config.delayHours"),
        ({"definition": one_wait(delayHours="1")}, "definition.nodes[1].config.delayHours"),
        ({"definition": one_wait(delayHours=True)}, "definition.nodes[1].config.delayHours"),
        ({"definition": one_wait(waitForEvent="Email Opened")}, "definition.nodes[1].config.waitForEvent"),
        ({"definition": one_wait(hours=1)}, "definition.nodes[1].config.hours"),
        (
            {"definition": one_wait(condition={"field": "a", "operator": "eq", "value": 1})},
            "definition.nodes[1].config.condition",
        ),
        (
            {"definition": one_wait(waitForEvent="x", condition={"all": [{"field": "a", "operator": "is"}]})},
            "definition.nodes[1].config.condition.all[0].operator",
        ),
    ],
)
def test_what_is_refused_is_refused_at_its_path(editor_api: APIClient, body: dict[str, Any], path: str) -> None:
    status, fields = refused(editor_api.post(JOURNEYS, {**BODY, "status": "draft", **body}, format="json"))
    assert status == 400
    assert path in fields
    assert Journey.objects.count() == 0


@pytest.mark.parametrize(
    ("broken", "path"),
    [
        (node("n", "entry_trigger", segmentId="seg_x"), "config.segmentId"),
        (node("n", "entry_trigger", condition={"field": "a", "operator": "exists"}), "config.condition"),
        (node("n", "nba_decision", decisionFlowId="df_x"), "config.decisionFlowId"),
        (node("n", "nba_decision", decisionFlowId="df_x", limit=51), "config.limit"),
        (node("n", "channel_action", channelId="ch_x"), "config.channelId"),
        (node("n", "channel_action", channelId="ch_x", useRecommendation="yes"), "config.useRecommendation"),
        (node("n", "condition_split"), "config.condition"),
        (node("n", "condition_split", condition={"field": "tier", "operator": "exists"}), "config.condition"),
        (node("n", "exit", reason=""), "config.reason"),
        (node("n", "update", schemaId="schema_x", updates=[{"field": "a", "value": 1}]), "config.schemaId"),
        (
            node("n", "update", schemaId="schema_customer_profile", updates=[{"field": "ter", "value": 1}]),
            "config.updates[0].field",
        ),
        (
            node("n", "update", schemaId="schema_customer_profile", updates=[{"field": "tier", "value": 1}]),
            "config.updates[0].value",
        ),
        (
            node(
                "n",
                "update",
                schemaId="schema_customer_profile",
                updates=[{"field": "tier", "value": "{{trigger.id}}"}],
            ),
            "config.updates[0].value",
        ),
    ],
)
def test_nodes_are_checked_with_what_they_refer_to(
    editor_api: APIClient, schema: Schema, broken: dict[str, Any], path: str
) -> None:
    definition = line(node("start", "entry_trigger"), broken, node("end", "exit"))
    status, fields = refused(editor_api.post(JOURNEYS, {**BODY, "definition": definition}, format="json"))
    assert status == 400
    assert f"definition.nodes[1].{path}" in fields


def test_all_problems_of_a_definition_are_told_at_once(editor_api: APIClient) -> None:
    definition = one_wait(delayHours=-1)
    definition["edges"][1]["to"] = "nowhere"
    definition["nodes"].append(node("end", "exit", why="x"))
    answer = editor_api.post(JOURNEYS, {**BODY, "definition": definition, "maxDurationDays": 0}, format="json")
    assert set(refused(answer)[1]) == {
        "maxDurationDays",
        "definition.nodes[1].config.delayHours",
        "definition.nodes[3].config.why",
        "definition.nodes[3].id",
        "definition.edges[1].to",
    }


def test_becoming_active_asks_again_whether_everything_is_there(editor_api: APIClient, admin_api: APIClient) -> None:
    channel = {"id": "ch_inbox", "name": "Inbox", "channelType": "in_app", "config": {"title": "Hi", "body": "There"}}
    assert editor_api.post("/api/v1/channels", channel, format="json").status_code == 201
    definition = line(
        node("start", "entry_trigger"), node("tell", "channel_action", channelId="ch_inbox"), node("end", "exit")
    )
    create(editor_api, status="draft", definition=definition)
    assert admin_api.delete("/api/v1/channels/ch_inbox").status_code == 204
    url = f"{JOURNEYS}/jrn_loan_nurture"
    assert editor_api.put(url, {"name": "Still a draft"}, format="json").status_code == 200
    assert refused(editor_api.put(url, {"status": "active"}, format="json")) == (
        400,
        ["definition.nodes[1].config.channelId"],
    )


def test_enrolling_by_hand(editor_api: APIClient, viewer_api: APIClient) -> None:
    create(editor_api)
    url = f"{JOURNEYS}/jrn_loan_nurture/enroll"
    first = editor_api.post(url, {"customerId": "ada"}, format="json")
    enrolment = Enrolment.objects.get()
    assert (first.status_code, first.json()) == (
        201,
        {
            "journeyId": "jrn_loan_nurture",
            "journeyName": "Loan nurture",
            "enrolled": 1,
            "skipped": 0,
            "results": [{"customerId": "ada", "status": "enrolled", "enrollmentId": enrolment.pk}],
        },
    )
    assert enrolment.pk.startswith("enr_")
    again = editor_api.post(url, {"customerIds": ["ada", "bob", "bob"]}, format="json").json()
    assert (again["enrolled"], again["skipped"]) == (1, 2)
    assert [(one["customerId"], one["status"]) for one in again["results"]] == [
        ("ada", "skipped"),
        ("bob", "enrolled"),
        ("bob", "skipped"),
    ]
    restarted = editor_api.post(url, {"customerId": "ada", "deduplication": "restart"}, format="json").json()
    assert restarted["enrolled"] == 1
    listed = viewer_api.get(f"{JOURNEYS}/jrn_loan_nurture/enrollments", {"customerId": "ada"}).json()
    assert [(one["status"], one["reason"]) for one in listed["data"]] == [("active", None), ("exited", "restarted")]
    newest = listed["data"][0]
    assert (newest["currentNode"], newest["waitingFor"], newest["completedAt"]) == ("pause", None, None)
    assert [one["result"] for one in newest["history"]] == ["enrolled", "waiting"]
    active = viewer_api.get(f"{JOURNEYS}/jrn_loan_nurture/enrollments", {"status": "active"}).json()
    assert active["pagination"]["total"] == 2
    assert viewer_api.post(url, {"customerId": "eve"}, format="json").status_code == 403
    facts = Entry.objects.filter(action="journey.enrolled").order_by("id").values_list("facts", flat=True)
    assert list(facts) == [
        {"enrolled": 1, "skipped": 0, "deduplication": "skip_if_active"},
        {"enrolled": 1, "skipped": 2, "deduplication": "skip_if_active"},
        {"enrolled": 1, "skipped": 0, "deduplication": "restart"},
    ]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, [""]),
        ({"customerId": "a", "customerIds": ["b"]}, [""]),
        ({"customerIds": []}, ["customerIds"]),
        ({"customerIds": ["a", " b"]}, ["customerIds[1]"]),
        ({"customerIds": [f"c{number}" for number in range(1001)]}, ["customerIds"]),
        ({"customerId": 7}, ["customerId"]),
        ({"customerId": "a", "deduplication": "never"}, ["deduplication"]),
    ],
)
def test_bodies_of_enrolling_that_are_refused(editor_api: APIClient, body: dict[str, Any], fields: list[str]) -> None:
    create(editor_api)
    answer = editor_api.post(f"{JOURNEYS}/jrn_loan_nurture/enroll", body, format="json")
    assert refused(answer) == (400, fields)
    assert Enrolment.objects.count() == 0


def test_a_thousand_customers_at_once(editor_api: APIClient) -> None:
    create(editor_api)
    ids = [f"c{number}" for number in range(1000)]
    answer = editor_api.post(f"{JOURNEYS}/jrn_loan_nurture/enroll", {"customerIds": ids}, format="json").json()
    assert (answer["enrolled"], answer["skipped"]) == (1000, 0)
    assert [one["customerId"] for one in answer["results"]] == ids
    assert Enrolment.objects.filter(status="active", current_node="pause").count() == 1000


@pytest.mark.parametrize("status", ["draft", "paused", "archived"])
def test_only_an_active_journey_takes_customers_in(editor_api: APIClient, status: str) -> None:
    create(editor_api, status=status)
    answer = editor_api.post(f"{JOURNEYS}/jrn_loan_nurture/enroll", {"customerId": "ada"}, format="json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")
    assert status in answer.json()["error"]["message"]
    assert (Enrolment.objects.count(), Entry.objects.filter(action="journey.enrolled").count()) == (0, 0)


def test_unknown_journeys_are_404(editor_api: APIClient) -> None:
    for method, path, body in (
        ("get", "", None),
        ("put", "", {}),
        ("post", "/enroll", {"customerId": "a"}),
        ("post", "/test", {}),
        ("get", "/enrollments", None),
    ):
        answer = getattr(editor_api, method)(f"{JOURNEYS}/jrn_nowhere{path}", body, format="json")
        assert answer.status_code == 404, (method, path)


def test_a_walk_shows_the_way_and_does_nothing(editor_api: APIClient, viewer_api: APIClient, schema: Schema) -> None:
    gold = {"field": "customer.tier", "operator": "eq", "value": "gold"}
    definition = {
        "nodes": [
            node(
                "start",
                "entry_trigger",
                eventType="purchase",
                condition={"field": "amount", "operator": "gt", "value": 500},
            ),
            node("pause", "wait", delayHours=48, waitForEvent="email.opened"),
            node("promote", "update", schemaId=schema.pk, updates=[{"field": "tier", "value": "{{event.newTier}}"}]),
            node("gold", "condition_split", condition=gold),
            node("yes", "exit", reason="is gold"),
            node("no", "exit"),
        ],
        "edges": [
            edge("start", "pause"),
            edge("pause", "promote"),
            edge("promote", "gold"),
            edge("gold", "yes", True),
            edge("gold", "no", False),
        ],
    }
    create(editor_api, definition=definition)
    url = f"{JOURNEYS}/jrn_loan_nurture/test"
    event = {"eventType": "purchase", "properties": {"amount": 750, "newTier": "gold"}}
    walked = viewer_api.post(url, {"customerAttributes": {"tier": "silver"}, "event": event}, format="json").json()
    assert walked == {
        "steps": [
            {"node": "start", "type": "entry_trigger", "result": "enrolled by the event"},
            {"node": "pause", "type": "wait", "result": "waits 48 h, or until email.opened; passed"},
            {"node": "promote", "type": "update", "result": "would update tier"},
            {"node": "gold", "type": "condition_split", "result": "true"},
            {"node": "yes", "type": "exit", "result": "ends: is gold"},
        ],
        "ends": "is gold",
    }
    small = viewer_api.post(
        url, {"event": {"eventType": "purchase", "properties": {"amount": 5}}}, format="json"
    ).json()
    assert small["steps"][0]["result"].startswith("the event enrols nobody, since amount: ")
    assert (small["ends"], small["steps"][3]["result"]) == ("completed", "false, since customer.tier is missing")
    assert viewer_api.post(url, {}, format="json").json()["steps"][0]["result"] == "enrolled"
    bad = viewer_api.post(url, {"event": {"eventType": "Purchase"}}, format="json")
    assert refused(bad) == (400, ["event.eventType"])
    assert Enrolment.objects.count() == 0


def test_a_walk_in_circles_is_stopped(editor_api: APIClient) -> None:
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
    create(editor_api, definition=definition)
    walked = editor_api.post(f"{JOURNEYS}/jrn_loan_nurture/test", {}, format="json").json()
    assert len(walked["steps"]) == 100
    assert walked["ends"] == "the walk was stopped after 100 steps: it goes round in circles"
    editor_api.post(JOURNEYS, {"name": "Empty"}, format="json")
    empty = editor_api.post(f"{JOURNEYS}/jrn_empty/test", {}, format="json").json()
    assert empty == {"steps": [], "ends": "the journey has no nodes yet"}


@pytest.mark.parametrize("role", ["viewer", "editor", "admin", "ingest"])
def test_roles(api_client: Callable[[str], APIClient], admin_api: APIClient, role: str) -> None:
    create(admin_api)
    api = api_client(role)
    url = f"{JOURNEYS}/jrn_loan_nurture"
    reads = {
        api.get(JOURNEYS).status_code,
        api.get(url).status_code,
        api.get(f"{url}/enrollments").status_code,
        api.post(f"{url}/test", {}, format="json").status_code,
    }
    assert reads == ({403} if role == "ingest" else {200})
    may_write = role in {"editor", "admin"}
    assert api.post(JOURNEYS, {"name": "New"}, format="json").status_code == (201 if may_write else 403)
    assert api.put(url, {"name": "New"}, format="json").status_code == (200 if may_write else 403)
    assert api.post(f"{url}/enroll", {"customerId": "a"}, format="json").status_code == (201 if may_write else 403)
    assert api.delete(url).status_code == (204 if role == "admin" else 403)
