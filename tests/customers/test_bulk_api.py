"""Many rows at once, and the list of records."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from kaireon.core import clock
from kaireon.customers.models import Record
from kaireon.customers.records import Tally, upsert_rows
from tests.customers.factories import LONG_AGO, make_record, make_schema
from tests.customers.published import published

PATH = "/api/v1/schemas/schema_customer_profile/data"

pytestmark = pytest.mark.django_db


def details(answer: Any) -> list[tuple[str, str]]:
    return [(detail["field"], detail["message"]) for detail in answer.json()["error"]["details"]]


def test_rows_create_merge_and_leave_alone(editor_api: APIClient) -> None:
    schema = make_schema()
    make_record(schema, customer_id="old", attributes={"email": "a@example.com", "balance": 1})
    make_record(schema, customer_id="same", attributes={"is_vip": True})
    rows = [
        {"customerId": "old", "balance": 2, "email": None},
        {"customerId": "new", "is_vip": False, "email": None},
        {"customerId": "same", "is_vip": True, "born_on": None},
    ]
    answer = editor_api.post(PATH, {"rows": rows}, format="json")
    assert (answer.status_code, answer.json()) == (200, {"created": 1, "updated": 1, "unchanged": 1})
    assert {record.customer_id: record.attributes for record in Record.objects.all()} == {
        "old": {"balance": 2},
        "new": {"is_vip": False},
        "same": {"is_vip": True},
    }
    assert Record.objects.get(customer_id="same").updated_at == LONG_AGO
    schema_id = "schema_customer_profile"
    assert published() == [
        (
            "customer.updated",
            "old",
            {
                "schemaId": schema_id,
                "before": {"email": "a@example.com", "balance": 1},
                "after": {"balance": 2},
                "changed": ["balance", "email"],
            },
        ),
        (
            "customer.created",
            "new",
            {"schemaId": schema_id, "before": None, "after": {"is_vip": False}, "changed": ["is_vip"]},
        ),
    ]


def test_one_bad_row_and_nothing_is_stored(editor_api: APIClient) -> None:
    make_schema()
    rows = [
        {"customerId": "a", "is_vip": True},
        {"customerId": "b", "is_vip": "yes", "vip": True},
        {"is_vip": True},
        {"customerId": " c"},
        {"customerId": "d\x01"},
        {"customerId": "a"},
    ]
    answer = editor_api.post(PATH, {"rows": rows}, format="json")
    rule = "must be 1 to 255 characters without control characters, not beginning or ending with a blank."
    assert (answer.status_code, details(answer)) == (
        400,
        [
            ("rows[1].is_vip", "must be true or false."),
            ("rows[1].vip", "is not a field of schema_customer_profile; did you mean is_vip?"),
            ("rows[2].customerId", rule),
            ("rows[3].customerId", rule),
            ("rows[4].customerId", rule),
            ("rows[5].customerId", "is the customer of rows[0]; send one row a customer."),
        ],
    )
    assert not Record.objects.exists()
    assert published() == []


def test_a_row_that_grows_its_record_beyond_the_limit_stores_nothing(editor_api: APIClient) -> None:
    schema = make_schema()
    make_record(schema, customer_id="big", attributes={"email": "x" * 20_000})
    rows = [{"customerId": "a", "is_vip": True}, {"customerId": "big", "preferences": "x" * 6_000}]
    answer = editor_api.post(PATH, {"rows": rows}, format="json")
    assert (answer.status_code, details(answer)) == (
        400,
        [("rows[1]", "would make the record 26,029 bytes as JSON; at most 25,600 are allowed.")],
    )
    assert [record.customer_id for record in Record.objects.all()] == ["big"]


@pytest.mark.parametrize(
    ("body", "problems"),
    [
        ({}, [("rows", "is required.")]),
        ({"rows": []}, [("rows", "must be 1 to 1000 rows, not 0.")]),
        (
            {"rows": [{"customerId": f"c{number}"} for number in range(1001)]},
            [("rows", "must be 1 to 1000 rows, not 1001.")],
        ),
        ({"rows": {"customerId": "a"}}, [("rows", "must be a list.")]),
        ({"rows": [{"customerId": "a"}, 7]}, [("rows[1]", "must be an object.")]),
        ({"rows": [{"customerId": "a"}], "row": 1}, [("row", "is not a known field; did you mean rows?")]),
        (
            {"rows": [{"customerId": "a"}, {"customerId": "b", "email": "\x00"}]},
            [("rows[1].email", "must not contain NUL characters (\\u0000).")],
        ),
    ],
)
def test_a_body_of_another_shape_is_refused(editor_api: APIClient, body: Any, problems: list[tuple[str, str]]) -> None:
    make_schema()
    answer = editor_api.post(PATH, body, format="json")
    assert (answer.status_code, details(answer)) == (400, problems)


def test_a_thousand_rows_take_a_handful_of_statements() -> None:
    schema = make_schema()
    old = [{"customerId": f"c{number:04}", "event_count": number} for number in range(500)]
    assert upsert_rows(schema_id=schema.pk, rows=old, now=clock.now()) == Tally(500, 0, 0)
    rows = [{"customerId": f"c{number:04}", "event_count": -number} for number in range(1000)]
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert upsert_rows(schema_id=schema.pk, rows=rows, now=clock.now()) == Tally(500, 499, 1)
    statements = [query["sql"].split()[0] for query in queries.captured_queries]
    heard = ["SELECT", "SELECT"]  # whether triggers, and journeys, listen to the events' types
    assert statements == [
        *["SAVEPOINT", "SELECT", "SELECT", "INSERT", "SELECT", "UPDATE", "SELECT"],
        *heard,
        *["COPY", "RELEASE"],
    ]
    assert len(published()) == 500 + 500 + 499


def test_events_of_one_request_come_in_the_order_of_its_rows() -> None:
    schema = make_schema()
    upsert_rows(schema_id=schema.pk, rows=[{"customerId": name} for name in "caeb"], now=clock.now())
    assert [customer for _, customer, _ in published()] == ["c", "a", "e", "b"]


def test_records_are_listed_by_customer_in_pages(viewer_api: APIClient) -> None:
    schema = make_schema()
    for name in "bca":
        make_record(schema, customer_id=name, attributes={"email": name, "balance": 1e300})
    make_record(make_schema("schema_b", is_default=False), customer_id="a")
    page = viewer_api.get(f"{PATH}?limit=2").json()
    assert page == {
        "data": [
            {
                "customerId": name,
                "attributes": {"email": name, "balance": 1e300},
                "createdAt": "2026-01-01T00:00:00Z",
                "updatedAt": "2026-01-01T00:00:00Z",
            }
            for name in "ab"
        ],
        "pagination": {"total": 3, "limit": 2, "offset": 0, "hasMore": True},
    }


def test_the_list_can_be_narrowed_to_one_customer(viewer_api: APIClient) -> None:
    schema = make_schema()
    for name in ("a", "ab"):
        make_record(schema, customer_id=name)
    page = viewer_api.get(f"{PATH}?customerId=a").json()
    assert [record["customerId"] for record in page["data"]] == ["a"]
    assert viewer_api.get(f"{PATH}?customerId=%00").status_code == 400
    assert viewer_api.get(f"{PATH}?limit=abc").status_code == 400


@pytest.mark.parametrize("schema_id", ["schema_none", "%00"])
def test_an_unknown_schema_is_not_found(editor_api: APIClient, schema_id: str) -> None:
    path = f"/api/v1/schemas/{schema_id}/data"
    assert editor_api.get(path).status_code == 404
    assert editor_api.post(path, {"rows": [{"customerId": "a"}]}, format="json").status_code == 404


def test_each_role_may_do_its_part(viewer_api: APIClient, ingest_api: APIClient) -> None:
    make_schema()
    assert viewer_api.post(PATH, {"rows": [{"customerId": "a"}]}, format="json").status_code == 403
    assert ingest_api.get(PATH).status_code == 403
    assert ingest_api.post(PATH, {"rows": [{"customerId": "a"}]}, format="json").status_code == 403
    assert not Record.objects.exists()
