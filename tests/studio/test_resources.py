"""The pages of channels, decision flows, offers, segments and journeys: they write what the API writes."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from audit.models import Entry
from kaireon.customers.models import Schema

pytestmark = pytest.mark.django_db

CRITERIA = {"all": [{"field": "customer.tier", "operator": "in", "value": ["gold", "platinum"]}]}
GRAPH: dict[str, Any] = {
    "nodes": [
        {"id": "start", "type": "entry_trigger", "config": {"eventType": "loan.viewed"}},
        {"id": "wait", "type": "wait", "config": {"delayHours": 48}},
        {"id": "done", "type": "exit", "config": {}},
    ],
    "edges": [{"from": "start", "to": "wait"}, {"from": "wait", "to": "done"}],
}


@dataclass(frozen=True)
class Kind:
    """One kind of thing: how a program makes one, how a person types the same, and one mistake with its field."""

    slugs: str
    body: dict[str, Any]
    typed: dict[str, str]
    wrong: dict[str, str]
    wrong_field: str
    says: str
    changed: dict[str, str] = field(default_factory=lambda: {"name": "Another name"})

    @property
    def api_path(self) -> str:
        """Where the API has them."""
        return f"/api/v1/{self.slugs}"

    @property
    def path(self) -> str:
        """Where Studio has them."""
        return f"/studio/{self.slugs}"


KINDS = [
    Kind(
        "channels",
        {"name": "In the app", "channelType": "in_app", "config": {"title": "{{offer.name}}", "body": "Hello"}},
        {
            "name": "In the app",
            "channel_type": "in_app",
            "config": json.dumps({"title": "{{offer.name}}", "body": "Hello"}),
        },
        {"config": json.dumps({"title": "{{offer.name", "body": ""})},
        "config",
        "Title",
    ),
    Kind(
        "decision-flows",
        {
            "name": "Cross-sell",
            "candidates": {"category": "cards", "tags": ["retail", "new"]},
            "eligibility": CRITERIA,
            "score": {"priorityWeight": 1.0, "valueWeight": 0.5, "formula": "customer_event_count * 2"},
            "limit": 3,
        },
        {
            "name": "Cross-sell",
            "category": "cards",
            "tags": "retail, new",
            "eligibility": json.dumps(CRITERIA),
            "priority_weight": "1",
            "value_weight": "0.5",
            "formula": "customer_event_count * 2",
            "limit": "3",
        },
        {"formula": "customer_event_count *"},
        "formula",
        "",
    ),
    Kind(
        "offers",
        {
            "name": "Gold card",
            "category": "cards",
            "tags": ["retail"],
            "priority": 80,
            "businessValue": 12.5,
            "startsAt": "2026-01-01T10:00:00Z",
            "endsAt": "2036-01-01T10:00:00Z",
            "eligibility": CRITERIA,
            "attributes": {"rate": 3},
            "budget": {"maxImpressions": 1000, "maxSpend": 99.5},
        },
        {
            "name": "Gold card",
            "category": "cards",
            "tags": "retail",
            "priority": "80",
            "business_value": "12.5",
            "starts_at": "2026-01-01T10:00:00",
            "ends_at": "2036-01-01T10:00",
            "eligibility": json.dumps(CRITERIA),
            "attributes": '{"rate": 3}',
            "max_impressions": "1000",
            "max_spend": "99.5",
        },
        {"ends_at": "2025-01-01T10:00"},
        "ends_at",
        "Must be later than startsAt",
    ),
    Kind(
        "segments",
        {"name": "Gold and up", "criteria": CRITERIA},
        {"name": "Gold and up", "criteria": json.dumps(CRITERIA)},
        {"criteria": json.dumps({"field": "customer.tier", "operator": "like", "value": "gold"})},
        "criteria",
        "Operator",
    ),
    Kind(
        "journeys",
        {"name": "Nurture", "description": "Two days.", "maxDurationDays": 10, "definition": GRAPH},
        {"name": "Nurture", "description": "Two days.", "max_duration_days": "10", "definition": json.dumps(GRAPH)},
        {"definition": json.dumps({**GRAPH, "edges": GRAPH["edges"][:1]})},
        "definition",
        "Nodes",
    ),
]
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slugs)


@pytest.fixture(autouse=True)
def _with_schema(schema: Schema) -> None:
    """Conditions on customers need the default schema."""


@every_kind
def test_what_a_person_types_is_stored_as_what_a_program_sends(
    as_editor: Client, admin_api: APIClient, kind: Kind
) -> None:
    sent = admin_api.post(kind.api_path, {**kind.body, "id": "by_program"}, format="json")
    assert sent.status_code == 201, sent.content
    answer = as_editor.post(f"{kind.path}/new", kind.typed)
    assert answer.status_code == 302, answer.content.decode()
    typed_id = answer["Location"].rsplit("/", 1)[1]
    typed = admin_api.get(f"{kind.api_path}/{typed_id}").json()
    different = {"id", "createdAt", "updatedAt", "progress", "memberCount"}
    assert {key: value for key, value in typed.items() if key not in different} == {
        key: value for key, value in sent.json().items() if key not in different
    }


@every_kind
def test_opening_the_form_and_saving_it_changes_nothing(as_editor: Client, admin_api: APIClient, kind: Kind) -> None:
    before = admin_api.post(kind.api_path, {**kind.body, "id": "one"}, format="json").json()
    entries = Entry.objects.count()
    form = as_editor.get(f"{kind.path}/one/edit").context["form"]
    shown = {name: form[name].value() for name in form.fields}
    answer = as_editor.post(f"{kind.path}/one/edit", {k: v for k, v in shown.items() if v is not None})
    assert answer.status_code == 302, answer.content.decode()
    assert Entry.objects.count() == entries
    assert admin_api.get(f"{kind.api_path}/one").json()["updatedAt"] == before["updatedAt"]


@every_kind
def test_a_mistake_comes_back_at_its_field_with_everything_that_was_typed(as_editor: Client, kind: Kind) -> None:
    typed = {**kind.typed, **kind.wrong}
    answer = as_editor.post(f"{kind.path}/new", typed)
    assert answer.status_code == 400
    form = answer.context["form"]
    assert list(form.errors) == [kind.wrong_field]
    assert kind.says in form.errors[kind.wrong_field][0]
    assert {name: form[name].value() for name in typed} == typed


@every_kind
def test_the_list_the_page_and_the_form_have_the_same_queries_for_three_rows_and_for_sixty(
    as_editor: Client, admin_api: APIClient, django_assert_max_num_queries: Callable[..., Any], kind: Kind
) -> None:
    counts = []
    for total in (3, 60):
        while len(admin_api.get(f"{kind.api_path}?limit=200").json()["data"]) < total:
            admin_api.post(kind.api_path, kind.body, format="json")
        with django_assert_max_num_queries(14) as queries:
            assert as_editor.get(kind.path).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


@every_kind
def test_only_an_admin_deletes_and_a_viewer_sees_no_buttons(
    as_viewer: Client, as_editor: Client, as_admin: Client, admin_api: APIClient, kind: Kind
) -> None:
    admin_api.post(kind.api_path, {**kind.body, "id": "one"}, format="json")
    page = as_viewer.get(f"{kind.path}/one").content.decode()
    assert "/edit" not in page
    assert "/delete" not in page
    assert "/new" not in as_viewer.get(kind.path).content.decode()
    assert as_viewer.post(f"{kind.path}/one/edit", kind.typed).status_code == 403
    assert as_editor.post(f"{kind.path}/one/delete").status_code == 403
    assert as_admin.get(f"{kind.path}/one/delete").status_code == 200
    assert admin_api.get(f"{kind.api_path}/one").status_code == 200
    assert as_admin.post(f"{kind.path}/one/delete")["Location"] == kind.path
    assert admin_api.get(f"{kind.api_path}/one").status_code == 404


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind.slugs in {"segments", "journeys"}], ids=lambda k: k.slugs
)
def test_who_saves_over_a_newer_version_is_told_and_keeps_what_was_typed(
    as_editor: Client, admin_api: APIClient, kind: Kind
) -> None:
    admin_api.post(kind.api_path, {**kind.body, "id": "one"}, format="json")
    typed = {**kind.typed, "name": "Mine", "version": "1"}
    admin_api.put(f"{kind.api_path}/one", {"name": "Theirs"}, format="json")
    answer = as_editor.post(f"{kind.path}/one/edit", typed)
    assert answer.status_code == 409
    assert "Somebody else saved this meanwhile, as version 2" in answer.content.decode()
    assert answer.context["form"]["name"].value() == "Mine"
    assert answer.context["form"]["version"].value() == "2"
    assert admin_api.get(f"{kind.api_path}/one").json()["name"] == "Theirs"
    again = {name: answer.context["form"][name].value() for name in typed}
    assert as_editor.post(f"{kind.path}/one/edit", again).status_code == 302
    assert admin_api.get(f"{kind.api_path}/one").json()["name"] == "Mine"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.slugs != "segments"], ids=lambda kind: kind.slugs)
def test_a_status_is_switched_by_a_button_and_an_impossible_one_is_refused_in_words(
    as_editor: Client, admin_api: APIClient, kind: Kind
) -> None:
    admin_api.post(kind.api_path, {**kind.body, "id": "one", "status": "active"}, format="json")
    answer = as_editor.post(f"{kind.path}/one/status", {"status": "paused"}, follow=True)
    assert [str(message) for message in answer.context["messages"]] == [f"{kind.body['name']} is paused."]
    assert admin_api.get(f"{kind.api_path}/one").json()["status"] == "paused"
    refused = as_editor.post(f"{kind.path}/one/status", {"status": "sleepy"})
    assert refused.status_code == 400
    assert "must be one of" in refused.content.decode()


def test_a_customer_is_enrolled_by_hand_and_the_second_time_is_told_no(as_editor: Client, admin_api: APIClient) -> None:
    admin_api.post(
        "/api/v1/journeys", {"id": "jrn", "name": "N", "status": "active", "definition": GRAPH}, format="json"
    )
    first = as_editor.post("/studio/journeys/jrn/enrol", {"customer_id": "cust_1"}, follow=True)
    assert "cust_1 was enrolled." in first.content.decode()
    second = as_editor.post("/studio/journeys/jrn/enrol", {"customer_id": "cust_1"}, follow=True)
    assert "cust_1 is in this journey already." in second.content.decode()
    page = as_editor.get("/studio/journeys/jrn")
    assert page.context["waiting_count"] == 1
    assert [box.waiting for box in page.context["drawing"].boxes] == [0, 1, 0]


def test_a_graph_is_drawn_while_it_is_typed_and_what_is_wrong_is_said_instead(as_editor: Client) -> None:
    good = as_editor.post("/studio/journeys/drawing", {"definition": json.dumps(GRAPH)}).content.decode()
    assert good.count('class="graph__way"') == 2
    for text, says in (
        ("{", "not valid JSON"),
        ('{"nodes": [{"id": "a", "type": "exit", "config": {}}], "edges": []}', "need one entry_trigger"),
        ("[]", "Without steps it can be saved as a draft."),
        ('"\ud800"', "It can't be drawn yet"),
    ):
        answer = as_editor.post("/studio/journeys/drawing", {"definition": text.encode(errors="replace").decode()})
        assert answer.status_code == 200
        assert says in answer.content.decode()
