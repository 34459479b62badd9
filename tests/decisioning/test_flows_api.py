"""The routes of decision flows."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from audit.models import Entry
from kaireon.decisioning.models import DecisionFlow
from tests.decisioning.deciding import answer, make_flow

pytestmark = pytest.mark.django_db

FLOWS = "/api/v1/decision-flows"
BODY = {
    "name": "Cross-sell",
    "candidates": {"category": "cards", "tags": ["travel"]},
    "eligibility": {"field": "customer.tier", "operator": "in", "value": ["gold", "platinum"]},
    "score": {"priorityWeight": 2, "valueWeight": 0.5, "formula": "min(customer_balance / 1000, 50)"},
    "limit": 3,
}


def test_a_flow_is_created_read_changed_listed_and_deleted(editor_api: APIClient, admin_api: APIClient) -> None:
    created = editor_api.post(FLOWS, BODY, format="json")
    assert (created.status_code, created.headers["Location"]) == (201, f"{FLOWS}/df_cross_sell")
    flow = created.json()
    assert flow == {
        "id": "df_cross_sell",
        "status": "active",
        **BODY,
        "createdAt": flow["createdAt"],
        "updatedAt": flow["createdAt"],
    }
    url = f"{FLOWS}/df_cross_sell"
    changed = editor_api.put(url, {"status": "paused", "score": {"formula": "offer_margin"}}, format="json")
    assert changed.status_code == 200
    assert changed.json()["score"] == {"priorityWeight": 1, "valueWeight": 0, "formula": "offer_margin"}
    assert changed.json()["candidates"] == BODY["candidates"]
    assert editor_api.get(url).json() == changed.json()
    assert [one["id"] for one in editor_api.get(f"{FLOWS}?status=paused").json()["data"]] == ["df_cross_sell"]
    assert editor_api.get(f"{FLOWS}?status=active").json()["pagination"]["total"] == 0
    assert editor_api.delete(url).status_code == 403
    assert admin_api.delete(url).status_code == 204
    assert editor_api.get(url).status_code == 404
    assert list(Entry.objects.filter(subject="df_cross_sell").order_by("id").values_list("action", flat=True)) == [
        "decision_flow.created",
        "decision_flow.status_changed",
        "decision_flow.updated",
        "decision_flow.deleted",
    ]
    assert Entry.objects.get(action="decision_flow.status_changed").facts["changes"] == {
        "status": {"before": "active", "after": "paused"}
    }


def test_a_body_needs_only_a_name(editor_api: APIClient) -> None:
    flow = editor_api.post(FLOWS, {"name": "All offers"}, format="json").json()
    assert flow["id"] == "df_all_offers"
    assert (flow["status"], flow["candidates"], flow["eligibility"], flow["limit"]) == ("active", {}, {}, 5)
    assert flow["score"] == {"priorityWeight": 1, "valueWeight": 0}
    same = editor_api.patch(f"{FLOWS}/df_all_offers", {"name": "All offers"}, format="json").json()
    assert same == flow
    assert Entry.objects.filter(subject="df_all_offers").count() == 1


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"limit": 0}, "limit", "at least 1"),
        ({"limit": 51}, "limit", "at most 50"),
        ({"limit": 2.5}, "limit", "whole number"),
        ({"status": "on"}, "status", "must be one of"),
        ({"candidates": {"tag": "x"}}, "candidates.tag", "did you mean tags?"),
        ({"candidates": {"tags": "x"}}, "candidates.tags", "must be a list"),
        ({"score": {"priorityWeight": "1"}}, "score.priorityWeight", "must be a number"),
        ({"score": {"valueWeight": 1e7}}, "score.valueWeight", "must be between"),
        ({"score": {"formula": "balance * 2"}}, "score.formula", "write customer_balance"),
        ({"score": {"formula": "customer_ + 1"}}, "score.formula", "is nothing that a formula knows"),
        ({"score": {"formula": "__import__('os')"}}, "score.formula", ""),
        ({"score": {"weight": 1}}, "score.weight", "is not a known field"),
        ({"eligibility": {"field": "tier", "operator": "eq", "value": 1}}, "eligibility.field", "customer."),
        (
            {"eligibility": {"all": [{"field": "customer.tier", "operator": "is", "value": 1}]}},
            "eligibility.all[0].operator",
            "",
        ),
        ({"name": ""}, "name", "must not be empty"),
        ({"id": "no slash/"}, "id", ""),
        ({"colour": "red"}, "colour", "is not a known field"),
    ],
)
def test_a_faulty_body_is_refused_with_the_path(
    editor_api: APIClient, change: dict[str, Any], field: str, said: str
) -> None:
    for refused in (
        editor_api.post(FLOWS, {**BODY, **change}, format="json"),
        editor_api.patch(f"{FLOWS}/{_existing().pk}", change, format="json"),
    ):
        assert refused.status_code == 400, refused.json()
        details = refused.json()["error"]["details"]
        assert [detail["field"] for detail in details] == [field]
        assert said in details[0]["message"]


def _existing() -> DecisionFlow:
    return DecisionFlow.objects.filter(pk="df_kept").first() or make_flow(id="df_kept")


def test_ids_are_not_taken_twice_nor_changed(editor_api: APIClient, admin_api: APIClient) -> None:
    make_flow()
    taken = editor_api.post(FLOWS, {"id": "df_cross_sell", "name": "Again"}, format="json")
    assert (taken.status_code, taken.json()["error"]["code"]) == (409, "conflict")
    assert editor_api.post(FLOWS, {"name": "Cross-sell"}, format="json").json()["id"] == "df_cross_sell_2"
    changed = editor_api.patch(f"{FLOWS}/df_cross_sell", {"id": "df_other"}, format="json")
    assert changed.json()["error"]["details"][0]["field"] == "id"
    answer()
    admin_api.delete(f"{FLOWS}/df_cross_sell")
    # Its recommendations are still there, and would look like the new one's.
    assert editor_api.post(FLOWS, {"name": "Cross sell"}, format="json").json()["id"] == "df_cross_sell_3"


def test_what_is_not_there_is_404(editor_api: APIClient, admin_api: APIClient) -> None:
    assert editor_api.get(f"{FLOWS}/df_none").status_code == 404
    assert editor_api.patch(f"{FLOWS}/df_none", {"limit": 2}, format="json").status_code == 404
    assert admin_api.delete(f"{FLOWS}/df_none").status_code == 404
