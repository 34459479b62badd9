"""docs/offers.md and docs/outcomes.md: their examples run, and give what they say."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from kaireon.decisioning.outcome_types import SYSTEM_TYPES
from tests.decisioning.offering import told

DOCS = Path(__file__).resolve().parents[2] / "docs"
_BLOCK = re.compile(r"^```(sh|json)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(name: str) -> list[tuple[str, str]]:
    return _BLOCK.findall((DOCS / name).read_text(encoding="utf-8"))


def run(api: APIClient, command: str) -> dict[str, Any]:
    """The answer to a curl command of the pages."""
    words = shlex.split(command)
    url = next(word for word in words if word.startswith("$API"))
    options = {name: value for name, value in zip(words, words[1:], strict=False) if name in {"-X", "-d"}}
    headers = dict(
        value.split(": ", 1) for name, value in zip(words, words[1:], strict=False) if name == "-H" and ": " in value
    )
    answer = api.generic(
        options.get("-X", "POST"),
        url.replace("$API", "/api/v1"),
        options["-d"],
        content_type="application/json",
        headers=headers,
    )
    assert answer.status_code in {200, 201}, answer.content
    found: dict[str, Any] = json.loads(answer.content)
    return found


def below(expected: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    return {name: found.get(name) for name in expected}


@pytest.mark.django_db
def test_the_examples_give_what_the_pages_say(editor_api: APIClient) -> None:
    (_, create), (_, created), (_, exhausted), (_, raise_budget), (_, raised) = blocks("offers.md")
    (_, respond), (_, recorded), (_, event), (_, create_type), (_, type_created) = blocks("outcomes.md")

    assert below(json.loads(created), run(editor_api, create)) == json.loads(created)
    assert below(json.loads(recorded), run(editor_api, respond)) == json.loads(recorded)
    (published,) = told("outcome.recorded")
    assert published.pop("interactionId").startswith("int_")
    assert published == json.loads(event)

    run(editor_api, respond.replace("order-1001", "order-1002").replace("750", "800"))
    assert told("budget.exhausted") == [json.loads(exhausted)]
    assert below(json.loads(raised), run(editor_api, raise_budget)) == json.loads(raised)
    assert below(json.loads(type_created), run(editor_api, create_type)) == json.loads(type_created)


def test_the_page_lists_the_products_types_as_they_are() -> None:
    text = (DOCS / "outcomes.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (positive|negative|neutral) \| (.*?) ?\|$", text, re.MULTILINE)
    assert {key: classification for key, classification, _ in rows} == {
        key: kind.classification for key, kind in SYSTEM_TYPES.items()
    }
    for key, _, remark in rows:
        kind = SYSTEM_TYPES[key]
        assert re.findall(r"alias `(\w+)`", remark) == list(kind.aliases)
        assert ("uses an impression" in remark) is kind.counts_as_impression
        assert ("uses a conversion" in remark) is kind.counts_as_conversion
