"""From a message to an event: what a mapping may say, and what it makes of a message."""

from typing import Any

import pytest

from kaireon.core.errors import ValidationFailed
from kaireon.events.ingestion import PLATFORM_EVENT_TYPES, read_event
from kaireon.events.streams.mapping import EventMapping, read_mapping

MESSAGE = {
    "id": 17,
    "kind": "purchase",
    "user": {"id": 78, "names": ["Ada", "Otto"]},
    "at": "2026-03-10T15:30:00+01:00",
    "ts": 1773153000,
    "ts_ms": 1773153000250,
    "body": {"amount": 750},
    "nothing": None,
}


def test_without_a_mapping_a_message_is_an_event() -> None:
    assert EventMapping().apply(MESSAGE) is MESSAGE


@pytest.mark.parametrize(
    ("mapping", "event"),
    [
        ({"eventType": "kind"}, {"eventType": "purchase"}),
        ({"eventType": {"value": "page.viewed"}}, {"eventType": "page.viewed"}),
        ({"eventType": "kind", "eventId": "id"}, {"eventType": "purchase", "eventId": "17"}),
        ({"eventType": "kind", "eventId": "missing"}, {"eventType": "purchase"}),
        ({"eventType": "kind", "customerId": "user.id"}, {"eventType": "purchase", "customerId": "78"}),
        ({"eventType": "kind", "customerId": "user.names.1"}, {"eventType": "purchase", "customerId": "Otto"}),
        ({"eventType": "kind", "customerId": {"value": "all"}}, {"eventType": "purchase", "customerId": "all"}),
        ({"eventType": "kind", "customerId": "nothing"}, {"eventType": "purchase"}),
        ({"eventType": "kind", "customerId": "user.names.2"}, {"eventType": "purchase"}),
        ({"eventType": "kind", "timestamp": "at"}, {"eventType": "purchase", "timestamp": MESSAGE["at"]}),
        (
            {"eventType": "kind", "timestamp": {"path": "ts", "unit": "s"}},
            {"eventType": "purchase", "timestamp": "2026-03-10T14:30:00Z"},
        ),
        (
            {"eventType": "kind", "timestamp": {"path": "ts_ms", "unit": "ms"}},
            {"eventType": "purchase", "timestamp": "2026-03-10T14:30:00.250000Z"},
        ),
        ({"eventType": "kind", "timestamp": {"path": "gone", "unit": "s"}}, {"eventType": "purchase"}),
        ({"eventType": "kind", "properties": "body"}, {"eventType": "purchase", "properties": {"amount": 750}}),
        ({"eventType": "kind", "properties": ""}, {"eventType": "purchase", "properties": MESSAGE}),
    ],
)
def test_fields_come_from_their_paths(mapping: dict[str, Any], event: dict[str, Any]) -> None:
    found = read_mapping(mapping).apply(MESSAGE)
    assert found == event
    read_event(found, path="", source="kafka")


@pytest.mark.parametrize("message", [None, 7, "text", [], [{"kind": "purchase"}], {}])
def test_messages_of_any_shape_are_survived(message: object) -> None:
    assert read_mapping({"eventType": "kind", "customerId": "user.id"}).apply(message) == {}


@pytest.mark.parametrize("value", ["2026", True, 1e300, -1e300, [], {}])
def test_a_moment_that_does_not_count_from_1970_is_refused(value: object) -> None:
    mapping = read_mapping({"eventType": {"value": "purchase"}, "timestamp": {"path": "ts", "unit": "s"}})
    with pytest.raises(ValidationFailed) as refused:
        mapping.apply({"ts": value})
    assert [detail.field for detail in refused.value.details] == ["timestamp"]


@pytest.mark.parametrize(
    ("mapping", "field"),
    [
        (None, "mapping"),
        ([], "mapping"),
        ({}, "mapping.eventType"),
        ({"eventId": "id"}, "mapping.eventType"),
        ({"eventType": ""}, "mapping.eventType"),
        ({"eventType": "a..b"}, "mapping.eventType"),
        ({"eventType": ".a"}, "mapping.eventType"),
        ({"eventType": "a" * 501}, "mapping.eventType"),
        ({"eventType": 7}, "mapping.eventType"),
        ({"eventType": {}}, "mapping.eventType"),
        ({"eventType": {"value": "purchase", "path": "kind"}}, "mapping.eventType"),
        ({"eventType": {"value": "Purchase"}}, "mapping.eventType.value"),
        ({"eventType": {"value": 7}}, "mapping.eventType.value"),
        ({"eventType": "kind", "eventId": ""}, "mapping.eventId"),
        ({"eventType": "kind", "eventId": {"value": "1"}}, "mapping.eventId"),
        ({"eventType": "kind", "customerId": ""}, "mapping.customerId"),
        ({"eventType": "kind", "customerId": {"value": " x"}}, "mapping.customerId.value"),
        ({"eventType": "kind", "timestamp": {"value": "2026"}}, "mapping.timestamp"),
        ({"eventType": "kind", "timestamp": {"path": "ts"}}, "mapping.timestamp"),
        ({"eventType": "kind", "timestamp": {"path": "ts", "unit": "h"}}, "mapping.timestamp.unit"),
        ({"eventType": "kind", "timestamp": {"path": "ts", "unit": []}}, "mapping.timestamp.unit"),
        ({"eventType": "kind", "timestamp": {"path": "", "unit": "s"}}, "mapping.timestamp.path"),
        ({"eventType": "kind", "timestamp": {"path": 7, "unit": "s"}}, "mapping.timestamp.path"),
        ({"eventType": "kind", "properties": {"value": {}}}, "mapping.properties"),
        ({"eventType": "kind", "properties": None}, "mapping.properties"),
        ({"eventType": "kind", "custmerId": "id"}, "mapping.custmerId"),
    ],
)
def test_what_is_wrong_with_a_mapping_is_refused_with_its_path(mapping: object, field: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        read_mapping(mapping)
    assert [detail.field for detail in refused.value.details] == [field]


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(ValidationFailed) as refused:
        read_mapping({"custmerId": "id", "timestamp": ""})
    fields = [detail.field for detail in refused.value.details]
    assert fields == ["mapping.custmerId", "mapping.timestamp", "mapping.eventType"]


@pytest.mark.parametrize("event_type", PLATFORM_EVENT_TYPES)
def test_every_type_of_event_can_be_set(event_type: str) -> None:
    assert read_mapping({"eventType": {"value": event_type}}).apply({}) == {"eventType": event_type}
