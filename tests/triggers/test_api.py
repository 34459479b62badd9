"""The triggers' routes: the resource with all of its rules, and what bad input gets."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from audit.models import Entry
from kaireon.customers.models import Schema
from tests.triggers.fixtures import Send
from triggers.models import Status, Trigger

URL = "/api/v1/triggers"
MakeTrigger = Callable[..., Trigger]

WORKED_EXAMPLE = {
    "name": "High-Value Purchase Cross-Sell",
    "description": "Counts purchases over $500",
    "eventType": "outcome.recorded",
    "condition": {
        "all": [
            {"field": "metadata.amount", "operator": "gt", "value": 500},
            {"field": "outcomeType", "operator": "eq", "value": "conversion"},
        ]
    },
    "actionType": "update_attribute",
    "actionConfig": {
        "schemaId": "schema_customer_profile",
        "updates": [
            {"field": "seen_at", "value": "{{event.timestamp}}"},
            {"field": "event_count", "expression": "event_count + 1"},
        ],
    },
    "cooldownMs": 86400000,
    "priority": 75,
}


def problem(answer: Any) -> tuple[int, str, list[str]]:
    error = answer.json()["error"]
    assert error["status"] == answer.status_code
    assert error["requestId"] == answer["X-Request-Id"]
    return answer.status_code, error["code"], [detail["field"] for detail in error["details"]]


def test_creating_one_answers_with_the_whole_trigger(editor_api: APIClient, schema: Schema) -> None:
    answer = editor_api.post(URL, WORKED_EXAMPLE, format="json")
    assert answer.status_code == 201
    body = answer.json()
    assert body == {
        **WORKED_EXAMPLE,
        "id": "trg_high_value_purchase_cross_sell",
        "status": "active",
        "version": 1,
        "createdAt": body["createdAt"],
        "updatedAt": body["createdAt"],
    }
    assert editor_api.get(f"{URL}/{body['id']}").json() == body
    entry = Entry.objects.get(action="trigger.created")
    assert entry.trigger_id == body["id"]
    assert entry.actor.startswith("key:ak_")
    assert entry.facts["trigger"]["priority"] == 75
    assert entry.request_id == answer["X-Request-Id"]


def test_defaults_are_those_of_the_specification(editor_api: APIClient, schema: Schema) -> None:
    least = {key: WORKED_EXAMPLE[key] for key in ("name", "eventType", "actionType", "actionConfig")}
    body = editor_api.post(URL, least, format="json").json()
    assert {key: body[key] for key in ("description", "condition", "priority", "cooldownMs", "status")} == {
        "description": "",
        "condition": {},
        "priority": 50,
        "cooldownMs": 0,
        "status": "active",
    }


def test_ids_are_slugs_made_unique_or_given_by_the_caller(editor_api: APIClient, schema: Schema) -> None:
    def create(**more: Any) -> Any:
        return editor_api.post(URL, {**WORKED_EXAMPLE, "name": "Größe & Co.", **more}, format="json")

    assert create().json()["id"] == "trg_groe_co"
    assert create().json()["id"] == "trg_groe_co_2"
    assert create(id="trg_mine").json()["id"] == "trg_mine"
    assert problem(create(id="trg_mine")) == (409, "conflict", [])
    assert problem(create(id="../etc")) == (400, "validation_failed", ["id"])
    assert Trigger.objects.count() == 3


def test_a_deleted_triggers_slug_is_not_given_out_again(
    editor_api: APIClient, admin_api: APIClient, schema: Schema
) -> None:
    first = editor_api.post(URL, WORKED_EXAMPLE, format="json").json()["id"]
    assert admin_api.delete(f"{URL}/{first}").status_code == 204
    assert editor_api.post(URL, WORKED_EXAMPLE, format="json").json()["id"] == f"{first}_2"


@pytest.mark.parametrize("alias", ["config", "actionConfig"])
def test_config_is_an_alias_of_action_config(editor_api: APIClient, schema: Schema, alias: str) -> None:
    body = {**WORKED_EXAMPLE, alias: WORKED_EXAMPLE["actionConfig"]}
    if alias == "config":
        del body["actionConfig"]
    answer = editor_api.post(URL, body, format="json")
    assert answer.json()["actionConfig"] == WORKED_EXAMPLE["actionConfig"]


@pytest.mark.parametrize("method", ["put", "patch"])
def test_a_change_is_partial_raises_the_version_and_is_audited(
    editor_api: APIClient, schema: Schema, method: str
) -> None:
    created = editor_api.post(URL, WORKED_EXAMPLE, format="json").json()
    url = f"{URL}/{created['id']}"
    answer = getattr(editor_api, method)(url, {"priority": 90, "cooldownMs": 0}, format="json")
    assert answer.status_code == 200
    body = answer.json()
    assert body == {**created, "priority": 90, "cooldownMs": 0, "version": 2, "updatedAt": body["updatedAt"]}
    assert Entry.objects.get(action="trigger.updated").facts["changes"] == {
        "priority": {"before": 75, "after": 90},
        "cooldownMs": {"before": 86400000, "after": 0},
    }


def test_what_get_gave_can_be_put_back_and_changes_nothing(editor_api: APIClient, schema: Schema) -> None:
    created = editor_api.post(URL, WORKED_EXAMPLE, format="json").json()
    answer = editor_api.put(f"{URL}/{created['id']}", created, format="json")
    assert answer.json() == created
    assert not Entry.objects.filter(action="trigger.updated").exists()


def test_a_version_that_was_changed_meanwhile_is_a_conflict(editor_api: APIClient, schema: Schema) -> None:
    created = editor_api.post(URL, WORKED_EXAMPLE, format="json").json()
    url = f"{URL}/{created['id']}"
    assert editor_api.put(url, {"version": 1, "name": "A"}, format="json").status_code == 200
    assert problem(editor_api.put(url, {"version": 1, "name": "B"}, format="json")) == (409, "conflict", [])
    assert editor_api.get(url).json()["name"] == "A"


ALLOWED = {
    ("active", "paused"),
    ("active", "disabled"),
    ("paused", "active"),
    ("paused", "disabled"),
    ("disabled", "active"),
}


@pytest.mark.parametrize("before", Status.values)
@pytest.mark.parametrize("after", Status.values)
def test_statuses_move_as_the_specification_allows(
    editor_api: APIClient, make_trigger: MakeTrigger, before: str, after: str
) -> None:
    trigger = make_trigger(status=before)
    answer = editor_api.put(f"{URL}/{trigger.pk}", {"status": after}, format="json")
    if before == after or (before, after) in ALLOWED:
        assert (answer.status_code, answer.json()["status"]) == (200, after)
        assert Entry.objects.filter(action="trigger.status_changed").count() == (before != after)
    else:
        assert problem(answer) == (409, "invalid_transition", [])
        assert Trigger.objects.get().status == before


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "   "}, "name"),
        ({"name": 7}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"name": None}, "name"),
        ({"eventType": "Not An Event"}, "eventType"),
        ({"priority": 101}, "priority"),
        ({"priority": -1}, "priority"),
        ({"priority": 7.5}, "priority"),
        ({"priority": "75"}, "priority"),
        ({"priority": True}, "priority"),
        ({"cooldownMs": -1}, "cooldownMs"),
        ({"cooldownMs": 10**30}, "cooldownMs"),
        ({"status": "deleted"}, "status"),
        ({"statsu": "paused"}, "statsu"),
        ({"condition": []}, "condition"),
        ({"condition": {"all": []}}, "condition.all"),
        ({"condition": {"all": [{"field": "a", "operator": "eq", "value": 1}, {}]}}, "condition.all[1]"),
        ({"condition": {"field": "a", "operator": "equals", "value": 1}}, "condition.operator"),
        ({"condition": {"field": "a..b", "operator": "eq", "value": 1}}, "condition.field"),
        ({"condition": {"field": "a", "operator": "in", "value": 1}}, "condition.value"),
        ({"condition": {"field": "a", "operator": "eq", "value": "\x00"}}, "condition.value"),
        ({"actionType": "send_pigeon"}, "actionType"),
        ({"actionConfig": []}, "actionConfig"),
        ({"actionConfig": {"schemaId": "schema_gone", "updates": []}}, "actionConfig.updates"),
        (
            {"actionConfig": {"schemaId": "schema_gone", "updates": [{"field": "tier", "value": "x"}]}},
            "actionConfig.schemaId",
        ),
        (
            {"actionConfig": {"schemaId": "schema_customer_profile", "updates": [{"field": "teir", "value": "x"}]}},
            "actionConfig.updates[0].field",
        ),
        (
            {"actionConfig": {"schemaId": "schema_customer_profile", "updates": [{"field": "tier"}]}},
            "actionConfig.updates[0]",
        ),
        (
            {
                "actionConfig": {
                    "schemaId": "schema_customer_profile",
                    "updates": [{"field": "tier", "value": "x"}, {"field": "event_count", "value": "many"}],
                }
            },
            "actionConfig.updates[1].value",
        ),
        (
            {
                "actionConfig": {
                    "schemaId": "schema_customer_profile",
                    "updates": [{"field": "event_count", "expression": "__import__('os')"}],
                }
            },
            "actionConfig.updates[0].expression",
        ),
        (
            {
                "actionConfig": {
                    "schemaId": "schema_customer_profile",
                    "updates": [{"field": "tier", "value": "{{event.a"}],
                }
            },
            "actionConfig.updates[0].value",
        ),
        (
            {
                "actionConfig": {
                    "schemaId": "schema_customer_profile",
                    "updates": [{"field": "tier", "value": "{{secret.token}}"}],
                }
            },
            "actionConfig.updates[0].value",
        ),
    ],
)
def test_what_is_wrong_is_refused_with_its_path_and_nothing_changes(
    editor_api: APIClient, schema: Schema, change: dict[str, Any], field: str
) -> None:
    assert problem(editor_api.post(URL, {**WORKED_EXAMPLE, **change}, format="json")) == (
        400,
        "validation_failed",
        [field],
    )
    assert Trigger.objects.count() == 0
    created = editor_api.post(URL, WORKED_EXAMPLE, format="json").json()
    answer = editor_api.put(f"{URL}/{created['id']}", {"description": "half", **change}, format="json")
    assert problem(answer) == (400, "validation_failed", [field])
    assert editor_api.get(f"{URL}/{created['id']}").json() == created


def test_all_problems_of_a_body_are_told_at_once(editor_api: APIClient, schema: Schema) -> None:
    body = {"priority": 101, "condition": {"any": [{"field": "", "operator": "eq"}]}, "actionType": "webhook", "x": 1}
    status, _, fields = problem(editor_api.post(URL, body, format="json"))
    assert status == 400
    assert {"name", "eventType", "priority", "x", "actionConfig.url"} <= set(fields)
    assert "condition.any[0].field" in fields


@pytest.mark.parametrize(
    ("action_type", "target", "rest"),
    [
        ("enroll_journey", "journeyId", {}),
        ("fire_recommend", "decisionFlowId", {"channelId": "ch_push"}),
        ("update_attribute", "schemaId", {"updates": [{"field": "tier", "value": "gold"}]}),
    ],
)
def test_targets_that_are_not_there_are_refused(
    editor_api: APIClient, schema: Schema, action_type: str, target: str, rest: dict[str, Any]
) -> None:
    body = {**WORKED_EXAMPLE, "actionType": action_type, "actionConfig": {target: "nowhere", **rest}}
    status, code, fields = problem(editor_api.post(URL, body, format="json"))
    assert (status, code) == (400, "validation_failed")
    assert f"actionConfig.{target}" in fields


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({}, "url"),
        ({"url": "ftp://example.com"}, "url"),
        ({"url": "http://127.0.0.1:1/"}, "url"),
        ({"url": "https://example.com/{{event.customerId}}"}, "url"),
        ({"url": "https://example.com", "method": "GET"}, "method"),
        ({"url": "https://example.com", "headers": {"X": 1}}, "headers.X"),
        ({"url": "https://example.com", "headers": {"Host": "a"}}, "headers.Host"),
        ({"url": "https://example.com", "headers": {"X": "a\r\nb"}}, "headers.X"),
        ({"url": "https://example.com", "bodyTemplate": {"a": "{{ evnt.b }}"}}, "bodyTemplate.a"),
        ({"url": "https://example.com", "bodyTemplate": {"a": "{% include 'x' %}"}}, "bodyTemplate.a"),
        ({"url": "https://example.com", "verify": False}, "verify"),
    ],
)
def test_a_webhooks_config_is_checked_when_it_is_saved(
    editor_api: APIClient, schema: Schema, config: dict[str, Any], field: str
) -> None:
    body = {**WORKED_EXAMPLE, "actionType": "webhook", "actionConfig": config}
    status, code, fields = problem(editor_api.post(URL, body, format="json"))
    assert (status, code) == (400, "validation_failed")
    assert fields == [f"actionConfig.{field}"]


def test_lists_are_paged_sorted_and_filtered(viewer_api: APIClient, make_trigger: MakeTrigger) -> None:
    make_trigger(id="trg_b", priority=50, description="Greets people")
    make_trigger(id="trg_a", priority=50, status="paused")
    make_trigger(id="trg_top", priority=99, eventType="refund")

    def ids(query: str) -> list[str]:
        answer = viewer_api.get(f"{URL}?{query}")
        assert answer.status_code == 200
        return [trigger["id"] for trigger in answer.json()["data"]]

    assert ids("") == ["trg_top", "trg_a", "trg_b"]
    assert ids("status=active") == ["trg_top", "trg_b"]
    assert ids("eventType=refund") == ["trg_top"]
    assert ids("actionType=webhook") == []
    assert ids("search=greets") == ["trg_b"]
    assert ids("limit=1&offset=1") == ["trg_a"]
    page = viewer_api.get(f"{URL}?limit=2").json()["pagination"]
    assert page == {"total": 3, "limit": 2, "offset": 0, "hasMore": True}
    assert viewer_api.get(f"{URL}?limit=1000").json()["pagination"]["limit"] == 200


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=abc", "limit"),
        ("limit=-1", "limit"),
        ("limit=1e3", "limit"),
        ("offset=-1", "offset"),
        ("offset=" + "9" * 30, "offset"),
        ("status=asleep", "status"),
        ("stauts=active", "stauts"),
        ("search=%00", "search"),
    ],
)
def test_a_bad_query_is_refused_with_the_parameters_name(viewer_api: APIClient, query: str, field: str) -> None:
    assert problem(viewer_api.get(f"{URL}?{query}")) == (400, "validation_failed", [field])


@pytest.mark.parametrize("path", ["trg_gone", "trg_gone/firings", "%00", "a%0Ab", "x" * 500])
def test_what_is_not_there_is_404_in_the_error_shape(viewer_api: APIClient, path: str) -> None:
    assert problem(viewer_api.get(f"{URL}/{path}"))[:2] == (404, "not_found")


def test_unknown_routes_and_methods_have_the_error_shape(viewer_api: APIClient, admin_api: APIClient) -> None:
    assert problem(viewer_api.get("/api/v1/nothing"))[:2] == (404, "not_found")
    assert problem(admin_api.delete(URL))[:2] == (405, "method_not_allowed")


def test_roles(
    make_trigger: MakeTrigger,
    anonymous_api: APIClient,
    viewer_api: APIClient,
    editor_api: APIClient,
    admin_api: APIClient,
    ingest_api: APIClient,
) -> None:
    trigger = make_trigger()
    item = f"{URL}/{trigger.pk}"
    payload = {"eventPayload": {"customerId": "c"}}
    calls: list[tuple[Callable[[APIClient], Any], list[int]]] = [
        (lambda api: api.get(URL), [401, 403, 200, 200, 200]),
        (lambda api: api.get(item), [401, 403, 200, 200, 200]),
        (lambda api: api.post(f"{item}/test", payload, format="json"), [401, 403, 200, 200, 200]),
        (lambda api: api.post(URL, {}, format="json"), [401, 403, 403, 400, 400]),
        (lambda api: api.put(item, {"priority": 1}, format="json"), [401, 403, 403, 200, 200]),
        (lambda api: api.post("/api/v1/events", {"eventType": "a"}, format="json"), [401, 202, 403, 202, 202]),
        (lambda api: api.delete(item), [401, 403, 403, 403, 204]),
    ]
    for call, expected in calls:
        found = [call(api).status_code for api in (anonymous_api, ingest_api, viewer_api, editor_api, admin_api)]
        assert found == expected


def test_a_dry_run_shows_everything_and_changes_nothing(
    viewer_api: APIClient, make_trigger: MakeTrigger, make_customer: Callable[..., None]
) -> None:
    make_customer("cust_78", event_count=4)
    trigger = make_trigger(
        condition={
            "all": [
                {"field": "metadata.amount", "operator": "gt", "value": 500},
                {"field": "customer.event_count", "operator": "lt", "value": 3},
            ]
        },
        cooldownMs=60_000,
    )
    before = Entry.objects.count()
    body = {"eventPayload": {"customerId": "cust_78", "properties": {"metadata": {"amount": 750}}}}
    answer = viewer_api.post(f"{URL}/{trigger.pk}/test", body, format="json").json()
    assert (answer["wouldFire"], answer["decision"]) == (False, "condition_false")
    assert [
        (leaf["path"], leaf["field"], leaf["operator"], leaf["expected"], leaf["actual"], leaf["passed"])
        for leaf in answer["trace"]
    ] == [
        ("all[0]", "metadata.amount", "gt", 500, 750, True),
        ("all[1]", "customer.event_count", "lt", 3, 4, False),
    ]
    assert answer["cooldown"] == {"active": False, "until": None}
    assert answer["action"] == {
        "type": "update_attribute",
        "schemaId": "schema_customer_profile",
        "updates": [{"field": "event_count", "before": 4, "after": 5}],
    }
    assert Entry.objects.count() == before


def test_a_dry_run_knows_cooldown_status_and_type(
    viewer_api: APIClient,
    editor_api: APIClient,
    make_trigger: MakeTrigger,
    make_customer: Callable[..., None],
    send: Send,
) -> None:
    make_customer("cust_78")
    trigger = make_trigger(cooldownMs=3_600_000)

    def decide(**event: Any) -> str:
        body = {"eventPayload": {"customerId": "cust_78", **event}}
        return str(viewer_api.post(f"{URL}/{trigger.pk}/test", body, format="json").json()["decision"])

    assert decide() == "fired"
    assert decide() == "fired"
    send()
    assert decide() == "cooldown"
    assert decide(customerId="cust_unknown") == "action_failed"
    assert decide(customerId=None) == "missing_customer"
    assert decide(eventType="refund") == "not_matched"
    editor_api.put(f"{URL}/{trigger.pk}", {"status": "paused"}, format="json")
    assert decide() == "not_matched"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "eventPayload"),
        ({"eventPayload": []}, "eventPayload"),
        ({"eventPayload": {"amount": 1}}, "eventPayload.amount"),
        ({"eventPayload": {"properties": {"a": "\x00"}}}, "eventPayload.properties.a"),
    ],
)
def test_a_dry_run_of_a_bad_event_is_refused_with_its_path(
    viewer_api: APIClient, make_trigger: MakeTrigger, body: dict[str, Any], field: str
) -> None:
    answer = viewer_api.post(f"{URL}/{make_trigger().pk}/test", body, format="json")
    assert problem(answer) == (400, "validation_failed", [field])
