"""What docs/segments.md shows is what happens."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from kaireon import conditions
from kaireon.events.models import Event
from tests.segments.population import members

PAGE = Path(__file__).resolve().parents[2] / "docs" / "segments.md"

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("schema")]


def test_the_example_of_the_page(editor_api: APIClient) -> None:
    blocks: list[Any] = [
        json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    ]
    segment, record, properties, condition = blocks
    assert editor_api.post("/api/v1/segments", segment, format="json").status_code == 201
    path = "/api/v1/schemas/schema_customer_profile/records/cust_78"
    assert editor_api.put(path, record, format="json").status_code == 201
    entered = Event.objects.get(event_type="segment.entered")
    assert (entered.customer_id, entered.properties) == ("cust_78", properties)
    assert conditions.compile(conditions.parse(condition))(entered.properties)
    assert members() == ["cust_78"]
