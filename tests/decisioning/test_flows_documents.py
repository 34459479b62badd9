"""docs/channels.md and docs/decision-flows.md: their examples run, and give what they say."""

import json
import re
import shlex
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from kaireon.decisioning.models import InboxMessage
from kaireon.decisioning.recommending import Decision, Recommendation
from tests.decisioning.offering import make_offer
from tests.decisioning.test_channels_sending import outgoing, sent

pytestmark = pytest.mark.django_db

DOCS = Path(__file__).resolve().parents[2] / "docs"
_BLOCK = re.compile(r"^```(sh|json)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(name: str) -> list[str]:
    """The code blocks of a page, in their order."""
    return [code for _, code in _BLOCK.findall((DOCS / name).read_text(encoding="utf-8"))]


def run(api: APIClient, command: str) -> Any:
    """The answer to a curl command of the pages."""
    words = shlex.split(command)
    url = next(word for word in words if word.startswith("$API")).replace("$API", "/api/v1")
    options = {name: value for name, value in zip(words, words[1:], strict=False) if name in {"-X", "-d"}}
    method = options.get("-X", "POST" if "-d" in options else "GET")
    content_type = "application/json" if "-d" in options else ""
    answer = api.generic(method, url, options.get("-d", ""), content_type=content_type)
    assert answer.status_code in {200, 201}, answer.content
    return json.loads(answer.content)


def test_the_examples_of_decision_flows(editor_api: APIClient, make_customer: Callable[..., None]) -> None:
    create, recommend, recommended = blocks("decision-flows.md")
    assert run(editor_api, create)["id"] == "df_cross_sell"
    make_customer("cust_78", tier="gold", balance=10_000)
    retail: dict[str, Any] = {"tags": ["retail"]}
    make_offer("off_savings", name="Savings plan", priority=45, attributes={"balance_factor": 2}, **retail)
    make_offer("off_gold_card", name="Gold card", business_value=Decimal(20), **retail)
    make_offer("off_insurance", name="Insurance", priority=40, **retail)
    platinum = {"field": "customer.tier", "operator": "eq", "value": "platinum"}
    make_offer("off_platinum", name="Platinum card", eligibility=platinum, **retail)
    make_offer("off_mortgage", name="Mortgage")
    expected, found = json.loads(recommended), run(editor_api, recommend)
    assert found == {**expected, "recommendationId": found["recommendationId"]}


def test_the_examples_of_channels(editor_api: APIClient, make_customer: Callable[..., None]) -> None:
    create, push, email, read_inbox, inbox, mark_read = blocks("channels.md")
    assert run(editor_api, create)["id"] == "ch_inbox"
    for example in (push, email):
        created = editor_api.post("/api/v1/channels", json.loads(example), format="json")
        assert created.status_code == 201
        assert {**created.json(), **json.loads(example)} == created.json()
    make_offer("off_gold_card", name="Gold card", attributes={"pitch": "No fee in the first year."})
    decision = Decision(1, "off_gold_card", "Gold card", 60.0)
    recommendation = Recommendation("rec_01m865q2xk5m2n7b4v9c1x3z8q", "cust_78", [decision], [])
    sent(outgoing(channel_id="ch_inbox", recommendation=recommendation))
    expected = json.loads(inbox)
    (message,) = expected["data"]
    InboxMessage.objects.update(id=message["id"], created_at=message["createdAt"])
    assert run(editor_api, read_inbox) == expected
    assert run(editor_api, mark_read)["readAt"] is not None
    assert run(editor_api, read_inbox)["data"] == []
