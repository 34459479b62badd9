"""The example of docs/journeys.md does what the page says, and the page names what there is."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from kaireon.customers.models import Schema
from kaireon.decisioning.models import InboxMessage
from kaireon.events.models import Event
from kaireon.journeys.definition import JourneyBody
from kaireon.journeys.enrolling import Deduplication
from kaireon.journeys.models import Enrolment, EnrolmentStatus, JourneyStatus
from kaireon.journeys.nodes import NODE_TYPES
from kaireon.journeys.resuming import resume_due
from tests.decisioning.deciding import make_channel, make_flow
from tests.decisioning.offering import make_offer
from tests.journeys.building import JOURNEYS
from tests.triggers.fixtures import process_all

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "journeys.md").read_text(encoding="utf-8")
EXAMPLES: list[Any] = [json.loads(code) for code in re.findall(r"```json\n(.*?)```", PAGE, flags=re.DOTALL)]


@pytest.mark.django_db
def test_the_example(editor_api: APIClient, schema: Schema) -> None:
    journey, viewed, customers, completed, walk = EXAMPLES
    make_offer()
    make_flow()
    make_channel(id="ch_inbox")
    put = editor_api.put(
        f"/api/v1/schemas/{schema.pk}/records/cust_78", {"attributes": {"tier": "gold"}}, format="json"
    )
    assert put.status_code == 201
    assert editor_api.post(JOURNEYS, journey, format="json").status_code == 201
    assert editor_api.post("/api/v1/events", viewed, format="json").status_code == 202
    process_all()
    enrolled = editor_api.post(f"{JOURNEYS}/jrn_loan_nurture/enroll", customers, format="json").json()
    assert (enrolled["enrolled"], Enrolment.objects.filter(status="active").count()) == (2, 3)
    applied = {"eventType": "loan.applied", "customerId": "cust_78"}
    editor_api.post("/api/v1/events", applied, format="json")
    process_all()
    told = Event.objects.get(event_type="journey.completed")
    assert told.properties == {**completed, "enrollmentId": Enrolment.objects.get(customer_id="cust_78").pk}
    assert len(completed["enrollmentId"]) == len(told.properties["enrollmentId"])
    assert InboxMessage.objects.get().customer_id == "cust_78"
    resume_due(now=Enrolment.objects.filter(status="active")[0].started_at + timedelta(hours=48))
    assert set(Enrolment.objects.exclude(customer_id="cust_78").values_list("reason", flat=True)) == {"completed"}
    walked = editor_api.post(f"{JOURNEYS}/jrn_loan_nurture/test", walk, format="json").json()
    assert [step["node"] for step in walked["steps"]] == ["start", "two_days", "is_gold", "decide", "tell", "told"]
    assert walked["ends"] == "told"


def test_the_page_names_what_there_is() -> None:
    configs = {key for node_type in NODE_TYPES.values() for key in node_type.config().get_fields()}
    names = {
        *NODE_TYPES,
        *configs,
        *JourneyStatus.values,
        *EnrolmentStatus.values,
        *Deduplication,
        *JourneyBody().get_fields().keys() - {"createdAt", "updatedAt"},
    }
    assert sorted(str(name) for name in names if f"`{name}`" not in PAGE) == []
