"""The product's outcome types and the installation's own."""

from functools import partial
from typing import Any

import pytest
from rest_framework.test import APIClient

from audit.models import Entry
from kaireon.core import clock
from kaireon.core.errors import ApiError
from kaireon.decisioning.models import Interaction, Offer
from kaireon.decisioning.outcome_types import SYSTEM_TYPES, create_type
from tests.customers.together import run_together
from tests.decisioning.offering import make_offer, record_outcome, told

TYPES = "/api/v1/outcome-types"
VISIT = {"key": "branch_visit", "label": "Came to a branch", "classification": "positive"}


@pytest.mark.django_db
def test_the_products_types_and_ones_own_are_listed_by_key(editor_api: APIClient) -> None:
    assert editor_api.post(TYPES, VISIT, format="json").status_code == 201
    answer = editor_api.get(TYPES).json()
    listed = {item["key"]: item for item in answer["data"]}
    assert list(listed) == sorted([*SYSTEM_TYPES, "branch_visit"])
    assert answer["pagination"] == {"total": 15, "limit": 50, "offset": 0, "hasMore": False}
    by_classification = {
        classification: {key for key, item in listed.items() if item["classification"] == classification}
        for classification in ("positive", "negative", "neutral")
    }
    assert by_classification == {
        "positive": {"accept", "branch_visit", "click", "conversion", "requested_info", "save", "share"},
        "negative": {"complaint", "dismiss", "not_interested", "opt_out"},
        "neutral": {"deferred", "expired", "impression", "not_presented"},
    }
    assert {key for key, item in listed.items() if item["countsAsImpression"]} == {"impression"}
    assert {key for key, item in listed.items() if item["countsAsConversion"]} == {"conversion"}
    assert listed["conversion"]["aliases"] == ["convert"]
    assert {key for key, item in listed.items() if not item["isSystem"]} == {"branch_visit"}
    page = editor_api.get(f"{TYPES}?limit=2&offset=1").json()
    assert [item["key"] for item in page["data"]] == ["branch_visit", "click"]
    assert page["pagination"]["hasMore"] is True
    assert editor_api.get(f"{TYPES}?key=click").status_code == 400


@pytest.mark.django_db
def test_one_type_of_the_product_is_shown_by_its_key(viewer_api: APIClient) -> None:
    assert viewer_api.get(f"{TYPES}/conversion").json() == {
        "key": "conversion",
        "label": "Converted",
        "classification": "positive",
        "countsAsImpression": False,
        "countsAsConversion": True,
        "aliases": ["convert"],
        "isSystem": True,
        "createdAt": None,
        "updatedAt": None,
    }
    assert viewer_api.get(f"{TYPES}/convert").status_code == 404


@pytest.mark.django_db
def test_a_type_of_ones_own_is_used_by_its_key_and_its_aliases_and_counts_as_it_says(editor_api: APIClient) -> None:
    body = {**VISIT, "countsAsImpression": True, "countsAsConversion": True, "aliases": ["visit"]}
    assert editor_api.post(TYPES, body, format="json").status_code == 201
    make_offer()
    record_outcome("visit", offer_id="off_card")
    record_outcome("branch_visit", offer_id="off_card")
    offer = Offer.objects.get()
    assert (offer.spent_impressions, offer.spent_conversions) == (2, 2)
    assert [event["outcomeType"] for event in told("outcome.recorded")] == ["branch_visit", "branch_visit"]


@pytest.mark.django_db
def test_a_change_is_audited_and_leaves_what_was_recorded(admin_api: APIClient) -> None:
    admin_api.post(TYPES, VISIT, format="json")
    record_outcome("branch_visit")
    for method in (admin_api.put, admin_api.patch):
        answer = method(f"{TYPES}/branch_visit", {"classification": "neutral", "aliases": ["visit"]}, format="json")
        assert (answer.status_code, answer.json()["classification"]) == (200, "neutral")
        assert answer.json()["label"] == "Came to a branch"
    assert admin_api.delete(f"{TYPES}/branch_visit").status_code == 204
    assert admin_api.get(f"{TYPES}/branch_visit").status_code == 404
    assert admin_api.delete(f"{TYPES}/branch_visit").status_code == 404
    assert Interaction.objects.get().classification == "positive"
    entries = Entry.objects.filter(action__startswith="outcome_type.").order_by("id")
    assert [entry.action.removeprefix("outcome_type.") for entry in entries] == ["created", "updated", "deleted"]
    assert entries[1].facts["changes"]["classification"] == {"before": "positive", "after": "neutral"}


@pytest.mark.django_db
def test_the_products_types_stay_as_they_are(admin_api: APIClient) -> None:
    for answer in (
        admin_api.put(f"{TYPES}/conversion", {"classification": "negative"}, format="json"),
        admin_api.patch(f"{TYPES}/conversion", {"label": "Sold"}, format="json"),
        admin_api.delete(f"{TYPES}/conversion"),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"key": "click"}, 409, None),
        ({"key": "convert"}, 409, None),
        ({"key": "taken"}, 409, None),
        ({"key": "known"}, 409, None),
        ({"key": "Visit"}, 400, "key"),
        ({"key": ""}, 400, "key"),
        ({"label": ""}, 400, "label"),
        ({"classification": "good"}, 400, "classification"),
        ({"countsAsConversion": 1}, 400, "countsAsConversion"),
        ({"aliases": "visit"}, 400, "aliases"),
        ({"aliases": ["visit", "a b"]}, 400, "aliases[1]"),
        ({"aliases": ["visit", "click"]}, 400, "aliases[1]"),
        ({"aliases": ["known"]}, 400, "aliases[0]"),
        ({"aliases": ["branch_visit"]}, 400, "aliases[0]"),
        ({"aliases": ["visit", "visit"]}, 400, "aliases[1]"),
        ({"aliases": [f"a{n}" for n in range(21)]}, 400, "aliases"),
        ({"isSystemm": True}, 400, "isSystemm"),
    ],
)
def test_what_breaks_a_rule_is_refused(
    editor_api: APIClient, change: dict[str, Any], status: int, field: str | None
) -> None:
    taken = {**VISIT, "key": "taken", "aliases": ["known"]}
    assert editor_api.post(TYPES, taken, format="json").status_code == 201
    answer = editor_api.post(TYPES, {**VISIT, **change}, format="json")
    assert answer.status_code == status, answer.json()
    if field is not None:
        assert [detail["field"] for detail in answer.json()["error"]["details"]] == [field]
    if field is None or field.startswith("aliases"):
        assert editor_api.post(TYPES, VISIT, format="json").status_code == 201
    answer = editor_api.patch(f"{TYPES}/taken", {"key": "other"}, format="json")
    assert answer.status_code == 400


@pytest.mark.django_db
def test_who_may_do_what(
    viewer_api: APIClient, editor_api: APIClient, ingest_api: APIClient, anonymous_api: APIClient
) -> None:
    for api, reading, writing in ((viewer_api, 200, 403), (ingest_api, 403, 403), (anonymous_api, 401, 401)):
        assert api.get(TYPES).status_code == reading
        assert api.post(TYPES, VISIT, format="json").status_code == writing
    assert editor_api.post(TYPES, VISIT, format="json").status_code == 201
    assert editor_api.delete(f"{TYPES}/branch_visit").status_code == 403


@pytest.mark.django_db(transaction=True)
def test_a_name_that_many_want_at_once_is_had_by_one() -> None:
    def create(number: int) -> bool:
        values = {"key": f"visit_{number}", "label": "x", "classification": "neutral", "aliases": ["visit"]}
        try:
            create_type(values=values, now=clock.now())
        except ApiError:
            return False
        return True

    assert sum(run_together([partial(create, number) for number in range(8)])) == 1
