"""POST /respond."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from rest_framework.test import APIClient

from kaireon.core import clock
from kaireon.decisioning.models import Channel, Interaction, Recommendation
from kaireon.decisioning.offer_lifecycle import delete_offer, update_offer
from kaireon.events.models import Event
from tests.decisioning.offering import make_offer, told

pytestmark = pytest.mark.django_db

RESPOND = "/api/v1/respond"
MINIMAL = {"customerId": "cust_78", "outcome": "click", "idempotencyKey": "key-1"}
Post = Callable[..., Any]


@pytest.fixture
def post(ingest_api: APIClient) -> Post:
    """Sends the least that is needed and what is given; None leaves a field out. `key` is the header."""

    def build(key: str | None = None, **body: Any) -> Any:
        whole = {name: value for name, value in {**MINIMAL, **body}.items() if value is not None}
        headers = {} if key is None else {"Idempotency-Key": key}
        return ingest_api.post(RESPOND, whole, format="json", headers=headers)

    return build


def refused_at(answer: Any) -> list[str]:
    assert answer.status_code == 400, answer.json()
    assert Interaction.objects.count() == 0
    assert Event.objects.count() == 0
    return [detail["field"] for detail in answer.json()["error"]["details"]]


@pytest.fixture
def recommendation() -> Recommendation:
    """Two offers that were recommended to cust_78; the second one is gone."""
    make_offer("off_a", name="Gold card")
    return Recommendation.objects.create(
        id="rec_1",
        customer_id="cust_78",
        flow_id="df_1",
        decisions=[
            {"rank": 1, "offerId": "off_a", "offerName": "Gold card", "score": 1.0},
            {"rank": 2, "offerId": "off_gone", "offerName": "Old loan", "score": 0.5},
        ],
        created_at=clock.now(),
    )


def test_the_least_that_is_needed_is_recorded_and_published(post: Post) -> None:
    answer = post()
    assert answer.status_code == 201
    interaction = Interaction.objects.get()
    assert interaction.pk.startswith("int_")
    assert answer.json() == {
        "interactionId": interaction.pk,
        "customerId": "cust_78",
        "outcome": "click",
        "classification": "positive",
        "offerId": None,
        "status": "recorded",
        "timestamp": clock.iso(interaction.occurred_at),
    }
    event = Event.objects.get()
    assert (event.event_type, event.customer_id, event.event_id) == (
        "outcome.recorded",
        "cust_78",
        interaction.event_id,
    )
    assert (event.source, event.depth, event.cause, event.occurred_at) == ("outcomes", 0, "", interaction.occurred_at)
    assert event.properties == {
        "interactionId": interaction.pk,
        "outcomeType": "click",
        "outcome": "click",
        "classification": "positive",
    }


def test_all_that_can_be_said_is_stored_and_published(post: Post) -> None:
    make_offer("off_a", name="Gold card")
    Channel.objects.create(
        id="ch_mail", name="Mail", channel_type="in_app", created_at=clock.now(), updated_at=clock.now()
    )
    answer = post(
        outcome="convert",
        offerId="off_a",
        channelId="ch_mail",
        conversionValue=750.5,
        metadata={"amount": 750.5, "items": [{"sku": "a"}]},
        context={"page": "home"},
        timestamp="2026-03-10T14:30:00+01:00",
    )
    assert answer.status_code == 201, answer.json()
    assert (answer.json()["outcome"], answer.json()["offerId"]) == ("conversion", "off_a")
    assert answer.json()["timestamp"] == "2026-03-10T13:30:00Z"
    interaction = Interaction.objects.get()
    event = Event.objects.get()
    assert event.occurred_at == interaction.occurred_at == datetime(2026, 3, 10, 13, 30, tzinfo=UTC)
    assert event.properties == {
        "interactionId": interaction.pk,
        "outcomeType": "conversion",
        "outcome": "conversion",
        "classification": "positive",
        "offerId": "off_a",
        "offerName": "Gold card",
        "channelId": "ch_mail",
        "conversionValue": 750.5,
        "metadata": {"amount": 750.5, "items": [{"sku": "a"}]},
        "context": {"page": "home"},
    }


def test_a_recommendations_rank_names_the_offer(post: Post, recommendation: Recommendation) -> None:
    assert post(recommendationId="rec_1", rank=1).json()["offerId"] == "off_a"
    assert told("outcome.recorded")[0] | {"interactionId": ""} == {
        "interactionId": "",
        "outcomeType": "click",
        "outcome": "click",
        "classification": "positive",
        "offerId": "off_a",
        "offerName": "Gold card",
        "recommendationId": "rec_1",
        "rank": 1,
    }
    assert post(idempotencyKey="key-2", recommendationId="rec_1", rank=1, offerId="off_a").status_code == 201


def test_what_was_recommended_is_known_also_when_the_offer_is_gone(post: Post, recommendation: Recommendation) -> None:
    assert post(recommendationId="rec_1", rank=2).json()["offerId"] == "off_gone"
    assert told("outcome.recorded")[0]["offerName"] == "Old loan"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"recommendationId": "rec_1"}, "rank"),
        ({"rank": 1}, "recommendationId"),
        ({"recommendationId": "rec_0", "rank": 1}, "recommendationId"),
        ({"recommendationId": "rec_1", "rank": 1, "customerId": "cust_79"}, "recommendationId"),
        ({"recommendationId": "rec_1", "rank": 3}, "rank"),
        ({"recommendationId": "rec_1", "rank": 0}, "rank"),
        ({"recommendationId": "rec_1", "rank": 1, "offerId": "off_gone"}, "offerId"),
        ({"offerId": "off_b"}, "offerId"),
        ({"offerId": "\ud7ff" * 300}, "offerId"),
        ({"channelId": "ch_b"}, "channelId"),
        ({"outcome": "bought"}, "outcome"),
        ({"outcome": None, "outcomeType": "bought"}, "outcomeType"),
        ({"outcome": None}, "outcome"),
        ({"outcomeType": "dismiss"}, "outcomeType"),
        ({"customerId": None}, "customerId"),
        ({"customerId": " c"}, "customerId"),
        ({"conversionValue": -1}, "conversionValue"),
        ({"conversionValue": "750"}, "conversionValue"),
        ({"metadata": []}, "metadata"),
        ({"metadata": {"a": "\x00"}}, "metadata.a"),
        ({"timestamp": "2026-03-10"}, "timestamp"),
        ({"timestamp": "2026-03-10T14:30:00"}, "timestamp"),
        ({"idempotencyKey": None}, "idempotencyKey"),
        ({"idempotencyKey": "a b"}, "idempotencyKey"),
        ({"idempotencyKey": "k" * 256}, "idempotencyKey"),
        ({"key": "another"}, "idempotencyKey"),
        ({"amount": 750}, "amount"),
    ],
)
def test_what_breaks_a_rule_is_refused_with_its_path(
    post: Post, recommendation: Recommendation, body: dict[str, Any], field: str
) -> None:
    assert refused_at(post(**body)) == [field]


def test_a_refused_call_leaves_its_key_unused(post: Post) -> None:
    assert post(outcome="bought").status_code == 400
    assert post().status_code == 201


def test_metadata_and_context_are_bounded_so_that_their_event_is(post: Post) -> None:
    half = {"text": "x" * 33_000}
    assert refused_at(post(metadata=half, context=half)) == ["metadata"]
    assert refused_at(post(metadata={"text": "x" * 70_000})) == ["metadata"]
    nested: Any = 1
    for _ in range(16):
        nested = {"a": nested}
    assert refused_at(post(metadata=nested)) == ["metadata" + ".a" * 15]
    assert post(metadata=nested["a"], context=half).status_code == 201


def test_the_same_again_gives_the_first_answer_and_does_nothing(post: Post) -> None:
    make_offer("off_a", max_impressions=5)
    body = {"outcome": "impression", "offerId": "off_a", "metadata": {"a": 1, "b": 2}}
    first = post(**body)
    update_offer(offer_id="off_a", values={"status": "archived", "name": "Renamed"}, now=clock.now())
    assert first.status_code == 201
    for answer in (
        post(**body),
        post(key="key-1", **body),
        post(key="key-1", idempotencyKey=None, **body),
        post(**(body | {"metadata": {"b": 2, "a": 1}})),
        post(**(body | {"outcome": None, "outcomeType": "impression"})),
    ):
        assert (answer.status_code, answer.json()) == (200, first.json())
    delete_offer(offer_id="off_a", now=clock.now())
    assert (post(**body).status_code, post(**body).json()) == (200, first.json())
    assert Interaction.objects.count() == 1
    assert len(told("outcome.recorded")) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"customerId": "cust_79"},
        {"outcome": "dismiss"},
        {"conversionValue": 2},
        {"metadata": {"a": 2}},
        {"metadata": {}},
        {"context": {}},
        {"timestamp": "2026-03-10T14:30:00Z"},
    ],
)
def test_the_same_key_with_another_body_is_a_conflict(post: Post, change: dict[str, Any]) -> None:
    assert post(conversionValue=1, metadata={"a": 1}).status_code == 201
    answer = post(**{"conversionValue": 1, "metadata": {"a": 1}, **change})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")
    assert Interaction.objects.count() == 1


def test_no_rounding_makes_two_values_the_same_body_or_one_value_two(post: Post) -> None:
    assert post(conversionValue=750).status_code == 201
    assert post(conversionValue=750.0).status_code == 200
    assert post(conversionValue=750.01).status_code == 409


def test_who_may_send_outcomes(api_client: Callable[[str], APIClient], anonymous_api: APIClient) -> None:
    for role, status in {"admin": 201, "editor": 201, "ingest": 201, "viewer": 403}.items():
        body = {**MINIMAL, "idempotencyKey": role}
        assert api_client(role).post(RESPOND, body, format="json").status_code == status
    assert anonymous_api.post(RESPOND, MINIMAL, format="json").status_code == 401
    assert api_client("admin").get(RESPOND).status_code == 405


def test_what_the_api_recommended_is_answered_by_its_rank(post: Post, editor_api: APIClient) -> None:
    make_offer("off_a", priority=90)
    make_offer("off_b", priority=80)
    flow = editor_api.post("/api/v1/decision-flows", {"id": "df_1", "name": "Best offers"}, format="json")
    assert flow.status_code == 201, flow.json()
    asked = {"customerId": "cust_78", "decisionFlowId": "df_1"}
    recommended = editor_api.post("/api/v1/recommend", asked, format="json").json()
    answer = post(recommendationId=recommended["recommendationId"], rank=2)
    assert (answer.status_code, answer.json()["offerId"]) == (201, "off_b")
