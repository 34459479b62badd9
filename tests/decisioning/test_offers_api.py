"""The routes of offers."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from audit.models import Entry
from kaireon.decisioning.models import Offer
from tests.decisioning.offering import make_offer

pytestmark = pytest.mark.django_db

OFFERS = "/api/v1/offers"


def refused(api: APIClient, **body: Any) -> list[dict[str, str]]:
    answer = api.post(OFFERS, {"name": "Gold card", **body}, format="json")
    assert answer.status_code == 400, answer.json()
    assert Offer.objects.count() == 0
    details: list[dict[str, str]] = answer.json()["error"]["details"]
    return details


def audited() -> list[tuple[str, Any]]:
    entries = Entry.objects.filter(action__startswith="offer.").order_by("id")
    return [(entry.action, entry.facts) for entry in entries]


def test_an_offer_needs_a_name_alone_and_is_answered_whole(editor_api: APIClient) -> None:
    answer = editor_api.post(OFFERS, {"name": "Gold Card!"}, format="json")
    assert answer.status_code == 201
    assert answer.headers["Location"] == "/api/v1/offers/off_gold_card"
    body = dict(answer.json())
    assert body.pop("createdAt") == body.pop("updatedAt")
    assert body == {
        "id": "off_gold_card",
        "name": "Gold Card!",
        "status": "active",
        "category": "",
        "tags": [],
        "priority": 50,
        "businessValue": 0,
        "startsAt": None,
        "endsAt": None,
        "eligibility": {},
        "attributes": {},
        "budget": {},
        "costPerOutcome": None,
        "spent": {"impressions": 0, "conversions": 0, "amount": 0},
        "exhaustedAt": None,
        "expiredAt": None,
    }
    assert editor_api.get(f"{OFFERS}/off_gold_card").json() == answer.json()


def test_everything_that_is_sent_comes_back(editor_api: APIClient) -> None:
    sent = {
        "id": "off_1",
        "name": "Gold card",
        "status": "draft",
        "category": "cards",
        "tags": ["travel", "premium"],
        "priority": 90,
        "businessValue": 12.5,
        "startsAt": "2026-03-01T00:00:00Z",
        "endsAt": "2026-04-01T00:00:00Z",
        "eligibility": {"all": [{"field": "customer.tier", "operator": "eq", "value": "gold"}]},
        "attributes": {"fee": {"annual": 95}},
        "budget": {"maxImpressions": 1000, "maxConversions": 10, "maxSpend": 99.99},
        "costPerOutcome": 0.05,
    }
    body = editor_api.post(OFFERS, sent, format="json").json()
    assert {name: body[name] for name in sent} == sent
    assert audited() == [("offer.created", {"offer": {name: sent[name] for name in sent if name != "id"}})]


def test_the_names_slug_is_made_unique_and_a_given_id_that_is_taken_is_refused(editor_api: APIClient) -> None:
    for expected in ("off_gold_card", "off_gold_card_2"):
        assert editor_api.post(OFFERS, {"name": "Gold card"}, format="json").json()["id"] == expected
    answer = editor_api.post(OFFERS, {"id": "off_gold_card", "name": "Other"}, format="json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")


def test_put_and_patch_change_what_is_given_and_audit_it(editor_api: APIClient) -> None:
    make_offer(category="cards", max_impressions=10)
    for method in (editor_api.put, editor_api.patch):
        answer = method(f"{OFFERS}/off_card", {"priority": 70, "status": "paused"}, format="json")
        assert answer.status_code == 200
        body = answer.json()
        assert (body["priority"], body["status"], body["category"]) == (70, "paused", "cards")
        assert body["budget"] == {"maxImpressions": 10}
    # The second one changed nothing.
    assert audited()[1:] == [
        ("offer.status_changed", {"changes": {"status": {"before": "active", "after": "paused"}}}),
        ("offer.updated", {"changes": {"priority": {"before": 50, "after": 70}}}),
    ]


def test_a_budget_is_replaced_as_a_whole(editor_api: APIClient) -> None:
    make_offer(max_impressions=10, max_conversions=5)
    answer = editor_api.patch(f"{OFFERS}/off_card", {"budget": {"maxSpend": 100}}, format="json")
    assert answer.json()["budget"] == {"maxSpend": 100}
    answer = editor_api.patch(f"{OFFERS}/off_card", {"budget": {}}, format="json")
    assert answer.json()["budget"] == {}


def test_dates_and_costs_are_taken_away_with_null(editor_api: APIClient) -> None:
    editor_api.post(
        OFFERS, {"id": "o1", "name": "x", "endsAt": "2099-01-01T00:00:00Z", "costPerOutcome": 1}, format="json"
    )
    body = editor_api.patch(f"{OFFERS}/o1", {"endsAt": None, "costPerOutcome": None}, format="json").json()
    assert (body["endsAt"], body["costPerOutcome"]) == (None, None)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": ""}, "name"),
        ({"status": "gone"}, "status"),
        ({"priority": 101}, "priority"),
        ({"priority": "50"}, "priority"),
        ({"businessValue": -1}, "businessValue"),
        ({"businessValue": True}, "businessValue"),
        ({"businessValue": 1e13}, "businessValue"),
        ({"tags": "travel"}, "tags"),
        ({"tags": ["a", 1]}, "tags[1]"),
        ({"tags": ["a"] * 51}, "tags"),
        ({"startsAt": "2026-03-01"}, "startsAt"),
        ({"endsAt": 5}, "endsAt"),
        ({"startsAt": "2026-03-01T00:00:00Z", "endsAt": "2026-03-01T01:00:00+01:00"}, "endsAt"),
        ({"attributes": []}, "attributes"),
        ({"attributes": {"a": "\x00"}}, "attributes.a"),
        ({"budget": {"maxImpressions": 0}}, "budget.maxImpressions"),
        ({"budget": {"maxConversions": 1.5}}, "budget.maxConversions"),
        ({"budget": {"maxSpend": 0}}, "budget.maxSpend"),
        ({"budget": {"maxSpends": 5}}, "budget.maxSpends"),
        ({"budget": None}, "budget"),
        ({"costPerOutcome": "1"}, "costPerOutcome"),
        ({"spend": 5}, "spend"),
    ],
)
def test_what_breaks_a_rule_is_refused_with_its_path(editor_api: APIClient, body: dict[str, Any], field: str) -> None:
    assert [detail["field"] for detail in refused(editor_api, **body)] == [field]


@pytest.mark.parametrize(
    ("eligibility", "field"),
    [
        ({"field": "tier", "operator": "eq", "value": 1}, "eligibility.field"),
        ({"field": "customer", "operator": "exists"}, "eligibility.field"),
        ({"field": "customers.tier", "operator": "exists"}, "eligibility.field"),
        (
            {"all": [{"any": [{"field": "event.amount", "operator": "gt", "value": 1}]}]},
            "eligibility.all[0].any[0].field",
        ),
        ({"all": [{"field": "customer.tier", "operator": "equals", "value": 1}]}, "eligibility.all[0].operator"),
        ({"all": []}, "eligibility.all"),
    ],
)
def test_eligibility_is_a_condition_over_the_customer_alone(
    editor_api: APIClient, eligibility: dict[str, Any], field: str
) -> None:
    assert [detail["field"] for detail in refused(editor_api, eligibility=eligibility)] == [field]


def test_a_change_is_checked_against_what_stays(editor_api: APIClient) -> None:
    editor_api.post(OFFERS, {"id": "o1", "name": "x", "startsAt": "2026-03-01T00:00:00Z"}, format="json")
    answer = editor_api.patch(f"{OFFERS}/o1", {"endsAt": "2026-02-01T00:00:00Z"}, format="json")
    assert answer.json()["error"]["message"] == "endsAt: must be later than startsAt, which is 2026-03-01T00:00:00Z."
    assert editor_api.patch(f"{OFFERS}/o1", {"id": "o2"}, format="json").status_code == 400


def test_the_list_is_by_priority_and_narrowed_by_filters(viewer_api: APIClient) -> None:
    make_offer("a", priority=10, category="cards", tags=["travel"])
    make_offer("b", priority=90, category="loans", status="paused")
    make_offer("c", priority=90, category="cards", tags=["travel", "gold"], name="Green loan")

    def ids(query: str) -> list[str]:
        answer = viewer_api.get(f"{OFFERS}{query}")
        assert answer.status_code == 200, answer.json()
        return [offer["id"] for offer in answer.json()["data"]]

    assert ids("") == ["b", "c", "a"]
    assert ids("?status=paused") == ["b"]
    assert ids("?category=cards&tag=travel") == ["c", "a"]
    assert ids("?tag=gold") == ["c"]
    assert ids("?search=loan+green") == ["c"]
    assert ids("?limit=1&offset=1") == ["c"]
    assert viewer_api.get(f"{OFFERS}?statuss=paused").status_code == 400


def test_a_deleted_offer_is_gone_and_its_slug_is_not_given_out_while_it_has_outcomes(
    admin_api: APIClient, editor_api: APIClient
) -> None:
    editor_api.post(OFFERS, {"name": "Gold card"}, format="json")
    sent = {"customerId": "c", "outcome": "click", "offerId": "off_gold_card", "idempotencyKey": "k"}
    assert editor_api.post("/api/v1/respond", sent, format="json").status_code == 201
    assert editor_api.delete(f"{OFFERS}/off_gold_card").status_code == 403
    assert admin_api.delete(f"{OFFERS}/off_gold_card").status_code == 204
    assert admin_api.delete(f"{OFFERS}/off_gold_card").status_code == 404
    assert admin_api.get(f"{OFFERS}/off_gold_card").status_code == 404
    assert admin_api.patch(f"{OFFERS}/off_gold_card", {"priority": 1}, format="json").status_code == 404
    assert [action for action, _ in audited()] == ["offer.created", "offer.deleted"]
    assert editor_api.post(OFFERS, {"name": "Gold card"}, format="json").json()["id"] == "off_gold_card_2"


def test_who_may_do_what(viewer_api: APIClient, ingest_api: APIClient, anonymous_api: APIClient) -> None:
    for api, reading, writing in ((viewer_api, 200, 403), (ingest_api, 403, 403), (anonymous_api, 401, 401)):
        assert api.get(OFFERS).status_code == reading
        assert api.post(OFFERS, {"name": "x"}, format="json").status_code == writing
