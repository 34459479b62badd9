"""POST /events: what is accepted, what is refused and where, and that the same id counts once."""

import threading
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from kaireon.core import clock
from kaireon.events.ingestion import ingest
from kaireon.events.models import Event

URL = "/api/v1/events"


def test_one_event_is_stored_before_it_is_accepted(ingest_api: APIClient) -> None:
    answer = ingest_api.post(
        URL,
        {
            "eventId": "order-1",
            "eventType": "purchase",
            "customerId": "cust_78",
            "timestamp": "2026-03-10T15:30:00+01:00",
            "properties": {"amount": 750},
        },
        format="json",
    )
    assert answer.status_code == 202
    assert answer.json() == {
        "accepted": 1,
        "duplicates": 0,
        "results": [{"eventId": "order-1", "eventType": "purchase", "status": "accepted"}],
    }
    event = Event.objects.get()
    assert (event.event_id, event.customer_id, event.status, event.source) == ("order-1", "cust_78", "pending", "api")
    assert event.occurred_at.isoformat() == "2026-03-10T14:30:00+00:00"
    assert event.properties == {"amount": 750}


def test_without_an_id_it_gets_a_generated_one(ingest_api: APIClient) -> None:
    answer = ingest_api.post(URL, {"eventType": "purchase"}, format="json").json()
    assert answer["results"][0]["eventId"].startswith("evt_")
    assert Event.objects.get().event_id == answer["results"][0]["eventId"]


def test_the_same_id_again_is_a_duplicate_and_changes_nothing(ingest_api: APIClient) -> None:
    first = {"eventId": "order-1", "eventType": "purchase", "properties": {"amount": 1}}
    second = {"eventId": "order-1", "eventType": "refund", "properties": {"amount": 2}}
    ingest_api.post(URL, first, format="json")
    answer = ingest_api.post(URL, second, format="json")
    assert answer.status_code == 202
    assert answer.json()["duplicates"] == 1
    assert answer.json()["results"][0]["status"] == "duplicate"
    event = Event.objects.get()
    assert (event.event_type, event.properties) == ("purchase", {"amount": 1})


def test_a_thousand_at_once_keep_their_order(ingest_api: APIClient) -> None:
    body = [{"eventId": f"e{999 - number}", "eventType": "purchase", "customerId": "c"} for number in range(1000)]
    body[500] = {"eventId": "e999", "eventType": "purchase"}
    answer = ingest_api.post(URL, body, format="json").json()
    assert (answer["accepted"], answer["duplicates"]) == (999, 1)
    assert [result["eventId"] for result in answer["results"]] == [event["eventId"] for event in body]
    assert answer["results"][0]["status"] == "accepted"
    assert answer["results"][500]["status"] == "duplicate"
    stored = list(Event.objects.order_by("sequence").values_list("event_id", flat=True))
    assert stored == [event["eventId"] for index, event in enumerate(body) if index != 500]


@pytest.mark.parametrize("size", [0, 1001])
def test_none_and_more_than_a_thousand_are_refused(ingest_api: APIClient, size: int) -> None:
    answer = ingest_api.post(URL, [{"eventType": "purchase"}] * size, format="json")
    assert answer.status_code == 400
    assert "1 to 1000" in answer.json()["error"]["message"]


def deep(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ({}, "eventType"),
        ({"eventType": None}, "eventType"),
        ({"eventType": "Purchase"}, "eventType"),
        ({"eventType": "a" * 101}, "eventType"),
        ({"eventType": "a..b"}, "eventType"),
        ({"eventType": "purchase\n"}, "eventType"),
        ({"eventType": 7}, "eventType"),
        ({"eventType": "purchase", "eventId": ""}, "eventId"),
        ({"eventType": "purchase", "eventId": "a b"}, "eventId"),
        ({"eventType": "purchase", "eventId": "a" * 129}, "eventId"),
        ({"eventType": "purchase", "eventId": 7}, "eventId"),
        ({"eventType": "purchase", "customerId": ""}, "customerId"),
        ({"eventType": "purchase", "customerId": "a\x00"}, "customerId"),
        ({"eventType": "purchase", "customerId": 78}, "customerId"),
        ({"eventType": "purchase", "timestamp": "yesterday"}, "timestamp"),
        ({"eventType": "purchase", "timestamp": "2026-03-10T14:30:00"}, "timestamp"),
        ({"eventType": "purchase", "timestamp": "0001-01-01T00:00:00+14:00"}, "timestamp"),
        ({"eventType": "purchase", "timestamp": 0}, "timestamp"),
        ({"eventType": "purchase", "properties": []}, "properties"),
        ({"eventType": "purchase", "properties": {"a": ["b\x00"]}}, "properties.a[0]"),
        ({"eventType": "purchase", "properties": {"a": "x" * 65_536}}, "properties"),
        ({"eventType": "purchase", "properties": deep(17)}, "properties" + ".a" * 16),
        ({"eventType": "purchase", "custmerId": "c"}, "custmerId"),
    ],
)
def test_what_is_wrong_is_refused_with_its_path_and_nothing_is_stored(
    ingest_api: APIClient, event: dict[str, Any], field: str
) -> None:
    answer = ingest_api.post(URL, event, format="json")
    assert answer.status_code == 400
    assert [detail["field"] for detail in answer.json()["error"]["details"]] == [field]
    answer = ingest_api.post(URL, [{"eventType": "purchase"}, event], format="json")
    assert answer.status_code == 400
    assert [detail["field"] for detail in answer.json()["error"]["details"]] == [f"[1].{field}"]
    assert Event.objects.count() == 0


def test_sixteen_levels_and_64_kib_are_still_accepted(ingest_api: APIClient) -> None:
    body = [
        {"eventType": "purchase", "properties": deep(16)},
        {"eventType": "purchase", "properties": {"a": "x" * (65_536 - 8)}},
    ]
    assert ingest_api.post(URL, body, format="json").status_code == 202


@pytest.mark.parametrize(
    "body",
    [b"{", b"NaN", b'{"eventType": NaN}', b"\xff", b"[" * 100_000, b'{"a": 1e999}', b'"\\ud800"', b"{'a': 1}"],
)
def test_what_is_no_json_is_malformed(ingest_api: APIClient, body: bytes) -> None:
    answer = ingest_api.post(URL, body, content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "malformed_json")


def test_a_body_of_ten_megabytes_is_too_large(ingest_api: APIClient) -> None:
    body = b'[{"eventType": "purchase", "properties": {"a": "' + b"x" * 10_000_000 + b'"}}]'
    answer = ingest_api.post(URL, body, content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "payload_too_large")


def test_what_is_not_sent_as_json_is_415(ingest_api: APIClient) -> None:
    answer = ingest_api.post(URL, "eventType=purchase", content_type="application/x-www-form-urlencoded")
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "unsupported_media_type")


@pytest.mark.django_db(transaction=True)
def test_requests_that_carry_the_same_ids_at_once_store_each_once_and_wait_for_nobody_for_ever() -> None:
    ids = [f"e{number}" for number in range(200)]
    barrier = threading.Barrier(8)
    accepted: list[int] = []

    def send(number: int) -> None:
        mine = ids if number % 2 else ids[::-1]
        barrier.wait()
        try:
            results = ingest(
                [{"eventId": event_id, "eventType": "purchase"} for event_id in mine], source="api", now=clock.now()
            )
            accepted.append(sum(not result.is_duplicate for result in results))
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(accepted) == 8
    assert sum(accepted) == 200
    assert Event.objects.count() == 200
