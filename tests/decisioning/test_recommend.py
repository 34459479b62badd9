"""Candidates, eligibility, score, rank, limit; and why the others were left out."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from kaireon.core import clock
from kaireon.core.errors import Conflict
from kaireon.customers.models import Schema
from kaireon.customers.working_set import WorkingSet
from kaireon.decisioning.flows import FLOWS
from kaireon.decisioning.models import Recommendation as Stored
from kaireon.decisioning.recommending import NotPossible, decide
from tests.decisioning.deciding import answer, answers, ask, make_flow, offers_of
from tests.decisioning.offering import make_offer

pytestmark = pytest.mark.django_db

MakeCustomer = Callable[..., None]
GOLD = {"field": "customer.tier", "operator": "eq", "value": "gold"}


def test_by_priority_and_ties_by_id() -> None:
    make_flow()
    for offer_id, priority in (("off_c", 10), ("off_b", 70), ("off_a", 70), ("off_d", 90)):
        make_offer(id=offer_id, priority=priority)
    found = answer()
    assert offers_of(found) == ["off_d", "off_a", "off_b", "off_c"]
    assert [decision.rank for decision in found.decisions] == [1, 2, 3, 4]
    assert [decision.score for decision in found.decisions] == [90.0, 70.0, 70.0, 10.0]
    assert found.filtered == []


def test_weights_and_formula_over_customer_and_offer(make_customer: MakeCustomer) -> None:
    make_customer("cust_78", balance=2500.5, tier="gold")
    make_flow(
        score={
            "priorityWeight": 0.1,
            "valueWeight": 2,
            "formula": "customer_balance / 1000 * offer_margin + (5 if customer_tier == 'gold' else 0)"
            " + customer_nothing + offer_nothing + priority * 0 + business_value",
        }
    )
    make_offer(id="off_a", priority=50, business_value=Decimal(10), attributes={"margin": 2})
    make_offer(id="off_b", priority=100, business_value=Decimal(0), attributes={})
    found = answer()
    assert [(decision.offer_id, decision.score) for decision in found.decisions] == [
        ("off_a", 45.001),
        ("off_b", 15.0),
    ]


def test_what_was_left_out_is_explained(make_customer: MakeCustomer) -> None:
    make_customer("cust_78", tier="silver")
    make_flow(limit=1, score={"formula": "1 / offer_margin"})
    make_offer(id="off_best", priority=90, attributes={"margin": 1})
    make_offer(id="off_gold", priority=80, attributes={"margin": 1}, eligibility=GOLD)
    make_offer(id="off_broken", priority=99, attributes={"margin": 0})
    make_offer(id="off_second", priority=40, attributes={"margin": 1})
    make_offer(id="off_third", priority=30, attributes={"margin": 1})
    found = answer()
    assert offers_of(found) == ["off_best"]
    assert {one["offerId"]: one["reason"] for one in found.filtered} == {
        "off_broken": "the formula can't be evaluated: The expression divides by zero.",
        "off_gold": 'the customer is not eligible: customer.tier: "silver" does not equal "gold"',
        "off_second": "ranked 2nd, the limit is 1",
        "off_third": "ranked 3rd, the limit is 1",
    }
    assert [one["offerId"] for one in found.filtered] == ["off_broken", "off_gold", "off_second", "off_third"]


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("customer_tier", "the formula gives a text, not a number."),
        ("1 < 2", "the formula gives true or false, not a number."),
        (
            "customer_notes + 1",
            "the formula can't be evaluated: customer_notes is a list, which an expression can't use.",
        ),
    ],
)
def test_a_formula_that_gives_no_number_leaves_the_offer_out(
    make_customer: MakeCustomer, formula: str, said: str
) -> None:
    make_customer("cust_78", tier="gold", notes=[1])
    make_flow(score={"formula": formula})
    make_offer(id="off_a")
    found = answer()
    assert (found.decisions, found.filtered) == ([], [{"offerId": "off_a", "reason": said}])
    assert found.reason_for_nothing == f"No offer of df_cross_sell is for this customer. off_a: {said}."


def test_a_flow_that_is_not_for_the_customer_leaves_everything_out(make_customer: MakeCustomer) -> None:
    make_customer("cust_78", tier="silver")
    make_flow(eligibility=GOLD)
    make_offer(id="off_a")
    make_offer(id="off_b")
    found = answer()
    assert found.decisions == []
    reason = 'the customer is not eligible for df_cross_sell: customer.tier: "silver" does not equal "gold"'
    assert found.filtered == [{"offerId": "off_a", "reason": reason}, {"offerId": "off_b", "reason": reason}]
    assert found.reason_for_nothing.startswith("The customer is not eligible for df_cross_sell: customer.tier")


def test_a_customer_without_a_record_has_no_attributes(schema: Schema) -> None:
    make_flow(score={"formula": "customer_balance"})
    make_offer(id="off_all")
    make_offer(id="off_gold", eligibility=GOLD)
    make_offer(id="off_new", eligibility={"field": "customer.tier", "operator": "exists", "value": False})
    found = answer("nobody")
    assert offers_of(found) == ["off_all", "off_new"]
    assert found.filtered == [
        {"offerId": "off_gold", "reason": "the customer is not eligible: customer.tier is missing"}
    ]


def test_without_any_schema_there_are_no_attributes_either() -> None:
    make_flow()
    make_offer(id="off_all")
    assert offers_of(answer("nobody")) == ["off_all"]


def test_candidates_by_category_and_tags() -> None:
    make_flow(candidates={"category": "cards", "tags": ["travel", "new"]})
    make_offer(id="off_a", category="cards", tags=["travel"])
    make_offer(id="off_b", category="cards", tags=["new", "x"])
    make_offer(id="off_c", category="cards", tags=["x"])
    make_offer(id="off_d", category="loans", tags=["travel"])
    found = answer()
    assert offers_of(found) == ["off_a", "off_b"]
    assert found.filtered == []


def test_an_offer_that_is_over_or_used_up_is_never_recommended() -> None:
    now = clock.now()
    make_flow()
    make_offer(id="off_running", starts_at=now - timedelta(days=1), ends_at=now + timedelta(days=1))
    make_offer(id="off_over", ends_at=now - timedelta(seconds=1))
    make_offer(id="off_later", starts_at=now + timedelta(days=1))
    make_offer(id="off_draft", status="draft")
    make_offer(id="off_paused", status="paused")
    make_offer(id="off_archived", status="archived")
    make_offer(id="off_used_up", max_impressions=1, spent_impressions=1, exhausted_at=now)
    found = answer()
    assert offers_of(found) == ["off_running"]
    assert found.filtered == []


def test_no_offer_at_all() -> None:
    make_flow()
    found = answer()
    assert (found.decisions, found.filtered) == ([], [])
    assert found.reason_for_nothing == "No offer is available to df_cross_sell at the moment."


def test_it_is_stored_as_it_was_answered() -> None:
    make_flow(limit=1)
    make_offer(id="off_a", priority=60)
    make_offer(id="off_b")
    found = answer(context={"page": "home"}, cause="fir_1")
    stored = Stored.objects.get()
    assert (stored.pk, stored.customer_id, stored.flow_id) == (found.recommendation_id, "cust_78", "df_cross_sell")
    assert stored.decisions == [decision.as_json() for decision in found.decisions]
    assert stored.filtered == [{"offerId": "off_b", "reason": "ranked 2nd, the limit is 1"}]
    assert (stored.context, stored.cause) == ({"page": "home"}, "fir_1")


def test_nothing_is_stored_by_deciding_alone() -> None:
    make_flow()
    make_offer(id="off_a")
    now = clock.now()
    decide([ask()], records=WorkingSet(now=now), now=now)
    assert Stored.objects.count() == 0


@pytest.mark.parametrize("status", ["draft", "paused", "archived", "gone"])
def test_a_flow_that_is_not_active_recommends_nothing(status: str) -> None:
    make_flow()
    make_offer(id="off_a")
    if status == "gone":
        FLOWS.delete(row_id="df_cross_sell", now=clock.now())
    else:
        FLOWS.update(row_id="df_cross_sell", values={"status": status}, now=clock.now())
    told = "there is no decision flow df_cross_sell any more."
    if status != "gone":
        told = f"the decision flow df_cross_sell is {status}, not active."
    assert answers(ask()) == [NotPossible(told)]
    assert Stored.objects.count() == 0


def test_many_asks_need_as_many_queries_as_one(make_customer: MakeCustomer) -> None:
    make_flow()
    make_flow(id="df_cards", candidates={"category": "cards"})
    make_offer(id="off_a")
    make_offer(id="off_b", category="cards")
    for number in range(20):
        make_customer(f"cust_{number}", tier="gold")

    def queries(count: int) -> int:
        asks = [
            ask(f"cust_{number}", flow_id=flow_id)
            for number in range(count)
            for flow_id in ("df_cards", "df_cross_sell", "df_none")
        ]
        with CaptureQueriesContext(
            connection,
        ) as captured:
            answers(*asks)
        return len(captured)

    assert queries(20) == queries(1) <= 6


def test_the_api_recommends_and_explains(
    editor_api: APIClient, viewer_api: APIClient, ingest_api: APIClient, make_customer: MakeCustomer
) -> None:
    make_customer("cust_78", tier="gold")
    make_flow()
    make_offer(id="off_a", name="Card", priority=60)
    make_offer(id="off_b", priority=50)
    body = {"customerId": "cust_78", "decisionFlowId": "df_cross_sell", "limit": 1, "context": {"page": "home"}}
    for refused in (viewer_api, ingest_api):
        assert refused.post("/api/v1/recommend", body, format="json").status_code == 403
    response = editor_api.post("/api/v1/recommend", body, format="json")
    assert response.status_code == 200
    stored = Stored.objects.get()
    assert response.json() == {
        "recommendationId": stored.pk,
        "customerId": "cust_78",
        "count": 1,
        "decisions": [{"rank": 1, "offerId": "off_a", "offerName": "Card", "score": 60.0}],
        "filtered": [{"offerId": "off_b", "reason": "ranked 2nd, the limit is 1"}],
    }
    assert (stored.context, stored.cause) == ({"page": "home"}, "")


def test_the_api_refuses_what_it_can_not_answer(editor_api: APIClient) -> None:
    def status_and_field(**body: object) -> tuple[int, list[str]]:
        refused = editor_api.post("/api/v1/recommend", body, format="json")
        return refused.status_code, [detail["field"] for detail in refused.json()["error"]["details"]]

    assert status_and_field(customerId="a", decisionFlowId="df_none") == (404, [])
    make_flow(status="paused")
    assert status_and_field(customerId="a", decisionFlowId="df_cross_sell") == (Conflict.status, [])
    assert status_and_field(decisionFlowId="df_cross_sell") == (400, ["customerId"])
    assert status_and_field(customerId=" a", decisionFlowId="df_cross_sell") == (400, ["customerId"])
    assert status_and_field(customerId="a", decisionFlowId="df_cross_sell", limit=51) == (400, ["limit"])
    assert status_and_field(customerId="a", decisionFlowId="df_cross_sell", context=1) == (400, ["context"])
    assert status_and_field(customerId="a", decisionFlowId="df_cross_sell", trace=True) == (400, ["trace"])
