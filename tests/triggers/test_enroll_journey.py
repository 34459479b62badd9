"""`enroll_journey`: what is accepted, what comes of it, and what where the journey went away."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from kaireon.core import clock
from kaireon.customers.models import Schema
from kaireon.events.ingestion import ingest
from kaireon.events.models import Event
from kaireon.journeys.lifecycle import delete_journey
from kaireon.journeys.models import Enrolment
from tests.journeys.building import change, line, make_journey, node, one_wait
from tests.triggers.fixtures import Send, decisions, process_all
from triggers.models import Firing, Trigger

pytestmark = pytest.mark.django_db

# As the specification writes it.
SPECIFICATION = {
    "actionType": "enroll_journey",
    "config": {"journeyId": "jrn_loan_nurture", "deduplication": "skip_if_active"},
}


def journey_of(deduplication: str | None = None) -> dict[str, Any]:
    config = {"journeyId": "jrn_loan_nurture"} | ({"deduplication": deduplication} if deduplication else {})
    return {"id": "trg_enrol", "actionType": "enroll_journey", "actionConfig": config}


def outcomes() -> list[tuple[str, dict[str, Any], str]]:
    return list(Firing.objects.order_by("fired_at", "event_id").values_list("outcome", "detail", "error"))


def test_the_specifications_json_is_accepted_word_for_word(editor_api: APIClient, schema: Schema) -> None:
    make_journey(one_wait())
    body = {"name": "Enrol", "eventType": "purchase", **SPECIFICATION}
    created = editor_api.post("/api/v1/triggers", body, format="json")
    assert created.status_code == 201
    assert created.json()["actionConfig"] == SPECIFICATION["config"]


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({}, "journeyId"),
        ({"journeyId": "jrn_nowhere"}, "journeyId"),
        ({"journeyId": "jrn_loan_nurture", "deduplication": "sometimes"}, "deduplication"),
        ({"journeyId": "jrn_loan_nurture", "limit": 1}, "limit"),
    ],
)
def test_configs_that_are_refused(editor_api: APIClient, schema: Schema, config: dict[str, Any], field: str) -> None:
    make_journey(one_wait())
    body = {"name": "Enrol", "eventType": "purchase", "actionType": "enroll_journey", "actionConfig": config}
    answer = editor_api.post("/api/v1/triggers", body, format="json")
    assert answer.status_code == 400
    assert [detail["field"] for detail in answer.json()["error"]["details"]] == [f"actionConfig.{field}"]


def test_the_customer_is_enrolled_once(make_trigger: Callable[..., Trigger], send: Send) -> None:
    make_journey(one_wait())
    make_trigger(**journey_of())
    event = send("purchase", "ada", eventId="e1", properties={"amount": 750})
    enrolment = Enrolment.objects.get()
    (firing,) = Firing.objects.all()
    assert decisions(event) == {"trg_enrol": "fired"}
    assert (enrolment.cause, enrolment.customer_id, enrolment.depth) == (firing.pk, "ada", 0)
    assert (enrolment.event["amount"], enrolment.current_node) == (750, "pause")
    send("purchase", "ada", eventId="e2")
    assert outcomes() == [
        ("succeeded", {"enrollmentId": enrolment.pk}, ""),
        ("skipped", {"reason": "already active"}, ""),
    ]
    assert decisions(send("purchase", None)) == {"trg_enrol": "missing_customer"}


def test_a_whole_batch_at_once(make_trigger: Callable[..., Trigger]) -> None:
    make_journey(one_wait())
    make_trigger(**journey_of())
    body = [{"eventType": "purchase", "customerId": f"c{number % 50}"} for number in range(200)]
    ingest(body, source="api", now=clock.now())
    process_all()
    assert Enrolment.objects.filter(status="active").count() == 50
    assert Firing.objects.filter(outcome="succeeded").count() == 50
    assert Firing.objects.filter(outcome="skipped").count() == 150


@pytest.mark.parametrize(
    ("deduplication", "states"),
    [("restart", [("exited", "restarted"), ("active", "")]), ("allow_multiple", [("active", ""), ("active", "")])],
)
def test_restart_and_allow_multiple(
    make_trigger: Callable[..., Trigger], send: Send, deduplication: str, states: list[tuple[str, str]]
) -> None:
    make_journey(one_wait())
    make_trigger(**journey_of(deduplication))
    send("purchase", "ada")
    send("purchase", "ada")
    assert list(Enrolment.objects.order_by("started_at").values_list("status", "reason")) == states
    assert {outcome for outcome, _, _ in outcomes()} == {"succeeded"}


@pytest.mark.parametrize("status", ["draft", "paused", "archived", "gone"])
def test_a_journey_that_takes_nobody_in_fails_the_firing_with_the_reason(
    make_trigger: Callable[..., Trigger], send: Send, editor_api: APIClient, status: str
) -> None:
    journey = make_journey(one_wait(), status="draft" if status == "draft" else "active")
    make_trigger(**journey_of())
    if status == "gone":
        delete_journey(journey_id=journey.pk, now=clock.now())
    elif status != "draft":
        change(journey, status=status)
    event = send("purchase", "ada")
    reason = f"journey jrn_loan_nurture is {status}"
    assert outcomes() == [("failed", {}, reason)]
    assert event.decisions[0]["decision"] == "action_failed"
    assert event.decisions[0]["reason"] == reason
    assert Enrolment.objects.count() == 0
    tried = editor_api.post(
        "/api/v1/triggers/trg_enrol/test", {"eventPayload": {"customerId": "ada"}}, format="json"
    ).json()
    assert (tried["wouldFire"], tried["decision"], tried["reason"]) == (False, "action_failed", reason)


def test_a_dry_run_enrols_nobody(make_trigger: Callable[..., Trigger], editor_api: APIClient) -> None:
    make_journey(one_wait())
    make_trigger(**journey_of())
    tried = editor_api.post(
        "/api/v1/triggers/trg_enrol/test", {"eventPayload": {"customerId": "ada"}}, format="json"
    ).json()
    assert tried["wouldFire"] is True
    assert tried["action"] == {
        "type": "enroll_journey",
        "journeyId": "jrn_loan_nurture",
        "deduplication": "skip_if_active",
    }
    assert Enrolment.objects.count() == 0


def test_events_of_one_batch_see_what_a_journey_has_changed(
    make_trigger: Callable[..., Trigger], make_customer: Callable[..., None], schema: Schema
) -> None:
    make_customer("cust_78", event_count=0)
    count = {"field": "event_count", "expression": "event_count + 1"}
    make_journey(
        line(
            node("start", "entry_trigger"),
            node("count", "update", schemaId=schema.pk, updates=[count]),
            node("end", "exit"),
        )
    )
    condition = {"field": "customer.event_count", "operator": "lt", "value": 2}
    trigger = make_trigger(condition=condition, **journey_of("allow_multiple"))
    body = [{"eventType": "purchase", "customerId": "cust_78"} for _ in range(4)]
    ingest(body, source="api", now=clock.now())
    process_all()
    found = [decisions(event)[trigger.pk] for event in Event.objects.filter(event_type="purchase").order_by("sequence")]
    assert found == ["fired", "fired", "condition_false", "condition_false"]
