"""Whatever stands where something is expected, it is taken or refused with a sentence; nothing else comes out.

Each body begins as a good one. Then parts of it, at random, are replaced, removed, renamed, repeated or nested in each
other. What is taken in spite of that must be usable: a condition is evaluated, a mapping applied, a journey created.
"""

import copy
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.exceptions import ValidationError

from kaireon import conditions
from kaireon.core import clock
from kaireon.core.errors import ApiError
from kaireon.core.json_values import encode
from kaireon.customers.field_types import Field
from kaireon.customers.schemas import create_schema
from kaireon.decisioning.channel_configs import checked_config
from kaireon.events.ingestion import ingest
from kaireon.events.streams.mapping import read_mapping
from kaireon.journeys.definition import read_journey
from kaireon.journeys.lifecycle import create_journey
from tests.journeys.building import edge, line, node
from triggers.definition import read_definition
from triggers.lifecycle import create_trigger

pytestmark = pytest.mark.slow
EXAMPLES = 300
fuzzed = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)

REFUSALS = (ApiError, ValidationError)

_WAIT = {"delayHours": 1}
_CONDITION: dict[str, Any] = {
    "all": [
        {"field": "event.amount", "operator": "gt", "value": 500},
        {"any": [{"field": "event.items.0.sku", "operator": "in", "value": ["a", 1, None]},
                 {"field": "customer.tier", "operator": "exists", "value": False}]},
    ],
    "any": [{"field": "event.at", "operator": "lte", "value": "2026-03-05T09:07:01+02:00"}],
}  # fmt: skip
_SPLIT: dict[str, Any] = {
    "nodes": [
        node("start", "entry_trigger"), node("split", "condition_split", condition=_CONDITION),
        node("pause", "wait", **_WAIT), node("end", "exit"), node("other", "exit"),
    ],
    "edges": [edge("start", "split"), edge("split", "pause", True), edge("split", "other", False), edge("pause",
    "end")],
}  # fmt: skip
_MAPPING = {"eventId": "id", "eventType": {"value": "purchase"}, "customerId": "user.id",
            "timestamp": {"path": "ts", "unit": "ms"}, "properties": ""}  # fmt: skip
_MESSAGE = {"id": 7, "user": {"id": "cust_1"}, "ts": 1_770_000_000_000, "items": [{"sku": "a"}], "amount": 750}
_WEBHOOK = {"url": "https://hooks.example.com/", "method": "POST", "headers": {"X-A": "{{event.a}}"},
            "bodyTemplate": {"a": "{{event.amount}}", "b": ["{{customer.tier}}"]}}  # fmt: skip
_UPDATE = {"schemaId": "fuzzed", "updates": [{"field": "count", "expression": "count + 1"},
                                             {"field": "tier", "value": "gold"}]}  # fmt: skip

_numbers = (
    st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([2**63, -(2**63), 10**300])
)
_texts = st.text(max_size=12) | st.sampled_from(
    ["", " ", "a" * 2000, "{{", "{{event.a}}", "{% for", "__class__", "eq", "all", "customer.tier", "0", "..", "\x00",
     "\u202e", "wait", "exit", "start", "end", "https://10.0.0.1/", "2026-02-30T00:00:00Z", "NaN", "fuzzed", "9**9"]
)  # fmt: skip
_scalars = st.none() | st.booleans() | _numbers | _texts
_values = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_texts, inner, max_size=4), max_leaves=8
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    if isinstance(value, dict):
        for key, inner in value.items():
            found += _places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            found += _places(inner, (*path, index))
    return found


@st.composite
def broken(draw: Callable[..., Any], *bodies: Any) -> Any:
    """One of `bodies`, changed in one to four places."""
    body = copy.deepcopy(draw(st.sampled_from(bodies)))
    for _ in range(draw(st.integers(1, 4))):
        places = _places(body)
        path = draw(st.sampled_from(places))
        new = draw(_values) if draw(st.booleans()) else copy.deepcopy(_at(body, draw(st.sampled_from(places))))
        if not path:
            body = new if draw(st.integers(0, 9)) == 0 else body
            continue
        parent, key = _at(body, path[:-1]), path[-1]
        match draw(st.sampled_from(["replace", "replace", "remove", "add", "wrap"])):
            case "replace":
                parent[key] = new
            case "remove":
                del parent[key]
            case "add" if isinstance(parent, dict):
                parent[draw(_texts)] = new
            case "add":
                parent.insert(key, new)
            case "wrap":
                parent[key] = [parent[key]] * draw(st.integers(0, 3)) if draw(st.booleans()) else {"all": [parent[key]]}
    return body


def _at(body: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        body = body[step]
    return body


@fuzzed
@given(body=broken(_CONDITION, {}, _CONDITION["any"][0]), document=broken(_MESSAGE))
def test_conditions(body: Any, document: Any) -> None:
    try:
        condition = conditions.parse(body)
    except conditions.ConditionError:
        return
    passes = conditions.compile(condition)(document if isinstance(document, dict) else {})
    assert passes in (True, False)
    conditions.explain(condition, document if isinstance(document, dict) else {})


@fuzzed
@given(body=broken(_MAPPING), message=broken(_MESSAGE) | _values)
def test_mappings_of_streams(body: Any, message: Any) -> None:
    with suppress(*REFUSALS):
        read_mapping(body).apply(message)


@fuzzed
@given(kind=st.sampled_from(["email", "webhook", "in_app"]), body=broken(
    {"to": "{{customer.email}}", "subject": "{{offer.name}}", "body": "Dear {{customer.name}}"},
    {"url": "https://hooks.example.com/", "headers": {"X-A": "1"}, "bodyTemplate": {"a": "{{offer.name}}"}},
    {"title": "{{offer.name}}", "body": "{{customer.name}}"},
))  # fmt: skip
def test_configs_of_channels(kind: str, body: Any) -> None:
    with suppress(*REFUSALS):
        encode(checked_config(kind, body))


@pytest.fixture
def schema(db: None) -> None:
    """Something that bodies can name."""
    fields = (Field("count", "integer"), Field("tier", "text"))
    create_schema(schema_id="fuzzed", name="fuzzed", fields=fields, now=clock.now())


@fuzzed
@given(body=broken(
    {"name": "t", "eventType": "a.b", "actionType": "webhook", "actionConfig": _WEBHOOK, "condition": _CONDITION},
    {"name": "t", "eventType": "a.b", "actionType": "update_attribute", "actionConfig": _UPDATE, "priority": 5,
     "cooldownMs": 1000, "status": "paused"},
))  # fmt: skip
def test_triggers(schema: None, body: Any) -> None:
    with suppress(*REFUSALS), transaction.atomic():
        create_trigger(values=read_definition(body), now=clock.now())
        transaction.set_rollback(True)


_JOURNEYS = (
    {"name": "j", "status": "active", "definition": _SPLIT, "maxDurationDays": 3},
    {"name": "j", "definition": line(node("start", "entry_trigger"), node("pause", "wait", **_WAIT), node("end",
    "exit"))},
)  # fmt: skip


@fuzzed
@given(body=broken(*_JOURNEYS))
def test_journeys(schema: None, body: Any) -> None:
    with suppress(*REFUSALS), transaction.atomic():
        create_journey(values=read_journey(body), now=clock.now())
        transaction.set_rollback(True)


@fuzzed
@given(body=broken(
    {"eventId": "e-1", "eventType": "a.b", "customerId": "cust_1", "timestamp": "2026-03-05T09:07:01Z",
     "properties": _MESSAGE},
    [{"eventType": "a.b"}, {"eventType": "a.c", "properties": {"a": [1, {"b": 2}]}}],
))  # fmt: skip
def test_events(schema: None, body: Any) -> None:
    with suppress(*REFUSALS), transaction.atomic():
        ingest(body, source="api", now=clock.now())
        transaction.set_rollback(True)


def test_control_what_is_broken_was_good(schema: None) -> None:
    """Else everything would be refused for one and the same reason."""
    conditions.parse(_CONDITION)
    read_mapping(_MAPPING).apply(_MESSAGE)
    checked_config("email", {"to": "{{customer.email}}", "subject": "a", "body": "b"})
    for journey in _JOURNEYS:
        create_journey(values=read_journey(journey), now=clock.now())
    for action_type, config in (("webhook", _WEBHOOK), ("update_attribute", _UPDATE)):
        body = {"name": "t", "eventType": "a.b", "actionType": action_type, "actionConfig": config}
        create_trigger(values=read_definition(body), now=clock.now())


_TESTS = (
    test_conditions,
    test_mappings_of_streams,
    test_configs_of_channels,
    test_triggers,
    test_journeys,
    test_events,
)
CASES_AT_LEAST = {test.__name__: EXAMPLES for test in _TESTS}
