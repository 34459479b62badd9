"""The routes of one customer's record."""

from typing import Any
from urllib.parse import unquote

import pytest
from rest_framework.test import APIClient

from audit.models import Entry
from kaireon.customers.models import Record
from tests.customers.factories import LONG_AGO, make_record, make_schema
from tests.customers.published import published

PATH = "/api/v1/schemas/schema_customer_profile/records/cust_78"

pytestmark = pytest.mark.django_db


def details(answer: Any) -> list[tuple[str, str]]:
    return [(detail["field"], detail["message"]) for detail in answer.json()["error"]["details"]]


def test_put_creates_a_record_and_publishes_it(editor_api: APIClient) -> None:
    make_schema()
    sent = {"email": "ada@example.com", "event_count": 3.0, "is_vip": None}
    answer = editor_api.put(PATH, {"attributes": sent}, format="json")
    body = answer.json()
    assert answer.status_code == 201
    assert body == {
        "customerId": "cust_78",
        "attributes": {"email": "ada@example.com", "event_count": 3},
        "createdAt": body["createdAt"],
        "updatedAt": body["createdAt"],
    }
    assert editor_api.get(PATH).json() == body
    assert published() == [
        (
            "customer.created",
            "cust_78",
            {
                "schemaId": "schema_customer_profile",
                "before": None,
                "after": {"email": "ada@example.com", "event_count": 3},
                "changed": ["email", "event_count"],
            },
        )
    ]


def test_put_replaces_all_attributes(editor_api: APIClient) -> None:
    make_record(make_schema(), customer_id="cust_78", attributes={"email": "a@example.com", "balance": 1.5})
    answer = editor_api.put(PATH, {"attributes": {"balance": 2, "is_vip": True}}, format="json")
    assert (answer.status_code, answer.json()["attributes"]) == (200, {"balance": 2, "is_vip": True})
    assert published() == [
        (
            "customer.updated",
            "cust_78",
            {
                "schemaId": "schema_customer_profile",
                "before": {"email": "a@example.com", "balance": 1.5},
                "after": {"balance": 2, "is_vip": True},
                "changed": ["balance", "email", "is_vip"],
            },
        )
    ]


def test_patch_merges_and_null_removes(editor_api: APIClient) -> None:
    make_record(make_schema(), customer_id="cust_78", attributes={"email": "a@example.com", "balance": 1.5})
    answer = editor_api.patch(PATH, {"attributes": {"email": None, "event_count": 1}}, format="json")
    assert (answer.status_code, answer.json()["attributes"]) == (200, {"balance": 1.5, "event_count": 1})
    ((event_type, _, properties),) = published()
    assert (event_type, properties["changed"]) == ("customer.updated", ["email", "event_count"])


def test_patch_of_a_customer_without_a_record_is_not_found(editor_api: APIClient) -> None:
    make_schema()
    answer = editor_api.patch(PATH, {"attributes": {}}, format="json")
    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == (
        "There is no record of customer 'cust_78' in schema 'schema_customer_profile'."
    )
    assert not Record.objects.exists()


@pytest.mark.parametrize("method", ["put", "patch"])
@pytest.mark.parametrize(
    "attributes",
    [
        {"event_count": 75.0, "balance": 1e300, "preferences": {"n": [2**70, 1e22, True, None]}, "is_vip": None},
        {"event_count": 75, "balance": 1e300, "preferences": {"n": [2.0**70, 10**22, True, None]}},
    ],
)
def test_the_same_again_changes_nothing(editor_api: APIClient, method: str, attributes: Any) -> None:
    first = {"event_count": 75, "balance": 1e300, "preferences": {"n": [2**70, 1e22, True, None]}}
    make_record(make_schema(), customer_id="cust_78", attributes=first)
    answer = getattr(editor_api, method)(PATH, {"attributes": attributes}, format="json")
    assert answer.status_code == 200
    assert answer.json()["updatedAt"] == "2026-01-01T00:00:00Z"
    assert published() == []


def test_true_in_the_place_of_1_is_a_change(editor_api: APIClient) -> None:
    make_record(make_schema(), customer_id="cust_78", attributes={"preferences": [1]})
    editor_api.patch(PATH, {"attributes": {"preferences": [True]}}, format="json")
    ((_, _, properties),) = published()
    assert (properties["before"], properties["after"]) == ({"preferences": [1]}, {"preferences": [True]})


def test_a_change_moves_updated_at_alone(editor_api: APIClient) -> None:
    make_record(make_schema(), customer_id="cust_78")
    editor_api.patch(PATH, {"attributes": {"is_vip": True}}, format="json")
    record = Record.objects.get()
    assert record.created_at == LONG_AGO
    assert record.updated_at > LONG_AGO


def test_a_record_that_was_read_can_be_sent_back(editor_api: APIClient) -> None:
    make_record(make_schema(), customer_id="cust_78", attributes={"is_vip": True})
    body = editor_api.get(PATH).json()
    assert editor_api.put(PATH, body, format="json").json() == body


@pytest.mark.parametrize("method", ["put", "patch"])
@pytest.mark.parametrize(
    ("body", "problems"),
    [
        ({}, [("attributes", "is required.")]),
        ({"attributes": []}, [("attributes", "must be an object.")]),
        ({"attributes": None}, [("attributes", "must not be null.")]),
        ({"attribute": {}, "attributes": {}}, [("attribute", "is not a known field; did you mean attributes?")]),
        (
            {"attributes": {"event_count": "75"}},
            [
                (
                    "attributes.event_count",
                    "must be a whole number from -9223372036854775807 to 9223372036854775807.",
                )
            ],
        ),
        (
            {"attributes": {"is_vip": 1, "born_on": "1815-12-32", "emial": "x"}},
            [
                ("attributes.is_vip", "must be true or false."),
                ("attributes.born_on", 'must be a date as text, such as "2026-03-10".'),
                ("attributes.emial", "is not a field of schema_customer_profile; did you mean email?"),
            ],
        ),
        (
            {"attributes": {"zzz": None}},
            [
                (
                    "attributes.zzz",
                    "is not a field of schema_customer_profile; its fields are email, event_count, balance, is_vip,"
                    " born_on, last_event_date, preferences.",
                )
            ],
        ),
        ({"attributes": {"email": "\x00"}}, [("attributes.email", "must not contain NUL characters (\\u0000).")]),
        (
            {"attributes": {}, "customerId": "cust_79"},
            [("customerId", "must be 'cust_78', as in the path, or be left out.")],
        ),
        ({"attributes": {}, "customerId": 78}, [("customerId", "must be text.")]),
    ],
)
def test_a_bad_body_is_refused_with_the_path_to_the_problem(
    editor_api: APIClient, method: str, body: Any, problems: list[tuple[str, str]]
) -> None:
    make_record(make_schema(), customer_id="cust_78")
    answer = getattr(editor_api, method)(PATH, body, format="json")
    assert (answer.status_code, details(answer)) == (400, problems)
    assert Record.objects.get().updated_at == LONG_AGO
    assert published() == []


def test_attributes_are_at_most_25_kib_together(editor_api: APIClient) -> None:
    make_record(make_schema(), customer_id="cust_78", attributes={"email": "x" * 20_000})
    answer = editor_api.patch(PATH, {"attributes": {"preferences": "x" * 6_000}}, format="json")
    assert (answer.status_code, details(answer)) == (
        400,
        [("attributes", "would make the record 26,029 bytes as JSON; at most 25,600 are allowed.")],
    )
    fits = editor_api.patch(PATH, {"attributes": {"preferences": "x" * 5_000}}, format="json")
    assert fits.status_code == 200


@pytest.mark.parametrize(
    ("in_path", "customer_id"),
    [
        ("a/b", "a/b"),
        ("a%2Fb", "a/b"),
        ("Zo%C3%AB%20M", "Zoë M"),
        ("ada@example.com", "ada@example.com"),
        ("x" * 255, "x" * 255),
    ],
)
def test_customer_ids_may_be_almost_anything(editor_api: APIClient, in_path: str, customer_id: str) -> None:
    make_schema()
    path = f"/api/v1/schemas/schema_customer_profile/records/{in_path}"
    assert editor_api.put(path, {"attributes": {}}, format="json").status_code == 201
    assert editor_api.get(path).json()["customerId"] == customer_id
    assert editor_api.patch(path, {"attributes": {}, "customerId": customer_id}, format="json").status_code == 200


@pytest.mark.parametrize("in_path", ["%00", "a%00b", "a%07", "%20a", "a%20", "%0A", "a%0Ab", "%C2%85", "x" * 256])
def test_what_can_be_no_customer_id_is_refused(admin_api: APIClient, in_path: str) -> None:
    make_schema()
    path = f"/api/v1/schemas/schema_customer_profile/records/{in_path}"
    assert admin_api.get(path).status_code == 404
    assert admin_api.delete(path).status_code == 404
    assert admin_api.patch(path, {"attributes": {}}, format="json").status_code == 404
    assert admin_api.put(path, {"attributes": {}}, format="json").status_code in {400, 404}
    assert not Record.objects.exists()


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
@pytest.mark.parametrize("schema_id", ["schema_none", "a%07"])
def test_a_record_of_an_unknown_schema_is_not_found(admin_api: APIClient, method: str, schema_id: str) -> None:
    path = f"/api/v1/schemas/{schema_id}/records/cust_78"
    answer = getattr(admin_api, method)(path, {"attributes": {}}, format="json")
    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == f"There is no schema {unquote(schema_id)!r}."


def test_a_record_is_deleted_without_an_event_but_audited(admin_api: APIClient) -> None:
    make_record(make_schema(), customer_id="cust_78", attributes={"email": "a@example.com"})
    assert admin_api.delete(PATH).status_code == 204
    assert admin_api.get(PATH).status_code == 404
    assert admin_api.delete(PATH).status_code == 404
    assert published() == []
    (entry,) = Entry.objects.filter(action="record.deleted")
    assert (entry.subject, entry.customer_id, entry.facts) == (
        "cust_78",
        "cust_78",
        {"schemaId": "schema_customer_profile"},
    )


def test_each_role_may_do_its_part(viewer_api: APIClient, editor_api: APIClient, ingest_api: APIClient) -> None:
    make_record(make_schema(), customer_id="cust_78")
    assert ingest_api.get(PATH).status_code == 403
    assert viewer_api.get(PATH).status_code == 200
    assert viewer_api.put(PATH, {"attributes": {}}, format="json").status_code == 403
    assert editor_api.put(PATH, {"attributes": {}}, format="json").status_code == 200
    assert editor_api.delete(PATH).status_code == 403
    assert Record.objects.count() == 1
