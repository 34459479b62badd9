"""The routes of schemas."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from audit.models import Entry
from kaireon.customers.models import Schema
from tests.customers.factories import make_record, make_schema

PROFILE = {"name": "Customer profile", "fields": [{"name": "age", "dataType": "integer"}]}

pytestmark = pytest.mark.django_db


def audited(action_prefix: str = "schema.") -> list[tuple[str, str, dict[str, Any]]]:
    entries = Entry.objects.filter(action__startswith=action_prefix).order_by("id")
    return [(entry.action, entry.subject, entry.facts) for entry in entries]


def details(answer: Any) -> list[tuple[str, str]]:
    return [(detail["field"], detail["message"]) for detail in answer.json()["error"]["details"]]


def test_the_first_schema_gets_a_readable_id_and_becomes_the_default(editor_api: APIClient) -> None:
    answer = editor_api.post("/api/v1/schemas", PROFILE, format="json")
    body = answer.json()
    assert answer.status_code == 201
    assert body == {
        "id": "schema_customer_profile",
        "name": "Customer profile",
        "displayName": "",
        "isDefault": True,
        "fields": [{"name": "age", "dataType": "integer"}],
        "createdAt": body["createdAt"],
        "updatedAt": body["createdAt"],
    }
    assert editor_api.get("/api/v1/schemas/schema_customer_profile").json() == body


def test_the_second_schema_leaves_the_default_where_it_is(editor_api: APIClient) -> None:
    editor_api.post("/api/v1/schemas", PROFILE, format="json")
    second = editor_api.post("/api/v1/schemas", PROFILE, format="json").json()
    assert (second["id"], second["isDefault"]) == ("schema_customer_profile_2", False)


def test_the_first_schema_need_not_be_the_default(editor_api: APIClient) -> None:
    first = editor_api.post("/api/v1/schemas", {**PROFILE, "isDefault": False}, format="json").json()
    assert first["isDefault"] is False


def test_a_schema_takes_the_default_from_another_in_one_step(editor_api: APIClient) -> None:
    make_schema()
    new = editor_api.post("/api/v1/schemas", {**PROFILE, "id": "schema_b", "isDefault": True}, format="json")
    assert new.status_code == 201
    assert list(Schema.objects.filter(is_default=True).values_list("pk", flat=True)) == ["schema_b"]
    back = editor_api.patch("/api/v1/schemas/schema_customer_profile", {"isDefault": True}, format="json")
    assert back.json()["isDefault"] is True
    assert list(Schema.objects.filter(is_default=True).values_list("pk", flat=True)) == ["schema_customer_profile"]
    taken, given_back = {"before": True, "after": False}, {"before": False, "after": True}
    assert audited("schema.updated") == [
        ("schema.updated", "schema_customer_profile", {"isDefault": taken}),
        ("schema.updated", "schema_b", {"isDefault": taken}),
        ("schema.updated", "schema_customer_profile", {"isDefault": given_back}),
    ]


def test_the_default_stays_until_another_takes_over(editor_api: APIClient) -> None:
    make_schema()
    answer = editor_api.patch("/api/v1/schemas/schema_customer_profile", {"isDefault": False}, format="json")
    assert answer.status_code == 409
    assert answer.json()["error"]["message"] == (
        "schema_customer_profile is the default schema. Make another one the default, and it ceases to be."
    )


def test_a_given_id_is_kept_and_can_be_taken_once(editor_api: APIClient) -> None:
    body = {**PROFILE, "id": "schema_vip"}
    assert editor_api.post("/api/v1/schemas", body, format="json").json()["id"] == "schema_vip"
    again = editor_api.post("/api/v1/schemas", body, format="json")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "conflict")
    assert again.json()["error"]["message"] == (
        "There is a schema 'schema_vip' already; choose another id, or change that one."
    )


def test_schemas_are_listed_by_id_in_pages(viewer_api: APIClient) -> None:
    for letter in "cab":
        make_schema(f"schema_{letter}", is_default=False)
    page = viewer_api.get("/api/v1/schemas?limit=2").json()
    assert [schema["id"] for schema in page["data"]] == ["schema_a", "schema_b"]
    assert page["pagination"] == {"total": 3, "limit": 2, "offset": 0, "hasMore": True}


@pytest.mark.parametrize("method", ["put", "patch"])
def test_put_and_patch_change_what_is_given_and_leave_the_rest(editor_api: APIClient, method: str) -> None:
    make_schema()
    before = editor_api.get("/api/v1/schemas/schema_customer_profile").json()
    change = getattr(editor_api, method)
    after = change("/api/v1/schemas/schema_customer_profile", {"displayName": "Profile"}, format="json").json()
    assert after["updatedAt"] > before["updatedAt"]
    assert after == {**before, "displayName": "Profile", "updatedAt": after["updatedAt"]}
    assert audited() == [
        ("schema.updated", "schema_customer_profile", {"displayName": {"before": "", "after": "Profile"}})
    ]


def test_a_schema_that_was_read_can_be_sent_back_and_nothing_changes(editor_api: APIClient) -> None:
    make_schema()
    body = editor_api.get("/api/v1/schemas/schema_customer_profile").json()
    assert editor_api.put("/api/v1/schemas/schema_customer_profile", body, format="json").json() == body
    assert audited() == []


def test_another_id_in_the_body_is_refused(editor_api: APIClient) -> None:
    make_schema()
    answer = editor_api.put("/api/v1/schemas/schema_customer_profile", {"id": "schema_b"}, format="json")
    assert answer.status_code == 400
    assert details(answer) == [("id", "must be 'schema_customer_profile', as in the path, or be left out.")]


def test_every_change_is_audited_with_the_one_who_made_it(admin_api: APIClient) -> None:
    admin_api.post("/api/v1/schemas", PROFILE, format="json")
    admin_api.patch("/api/v1/schemas/schema_customer_profile", {"name": "Customers"}, format="json")
    admin_api.delete("/api/v1/schemas/schema_customer_profile")
    facts = {"displayName": "", "isDefault": True, "fields": PROFILE["fields"]}
    assert audited() == [
        ("schema.created", "schema_customer_profile", {"name": "Customer profile", **facts}),
        (
            "schema.updated",
            "schema_customer_profile",
            {"name": {"before": "Customer profile", "after": "Customers"}},
        ),
        ("schema.deleted", "schema_customer_profile", {"name": "Customers", **facts}),
    ]
    assert all(entry.actor.startswith("key:ak_") for entry in Entry.objects.filter(action__startswith="schema."))


def test_fields_may_be_added_while_there_are_records(editor_api: APIClient) -> None:
    schema = make_record().schema
    fields = [*schema.fields, {"name": "city", "dataType": "text"}]
    answer = editor_api.put(f"/api/v1/schemas/{schema.pk}", {"fields": fields}, format="json")
    assert answer.json()["fields"] == fields


def test_fields_keep_their_name_and_type_while_there_are_records(editor_api: APIClient) -> None:
    schema = make_record().schema
    fields = [field for field in schema.fields if field["name"] != "is_vip"]
    fields[0] = {"name": "email", "dataType": "json"}
    answer = editor_api.put(f"/api/v1/schemas/{schema.pk}", {"fields": fields}, format="json")
    assert answer.status_code == 409
    assert answer.json()["error"]["message"] == (
        "schema_customer_profile has records: email must stay text; is_vip can't be removed."
        " Add a field with another name, or delete the records."
    )
    assert details(answer) == [("fields[0].dataType", "email must stay text"), ("fields", "is_vip can't be removed")]
    schema.refresh_from_db()
    assert {"name": "is_vip", "dataType": "boolean"} in schema.fields


def test_without_records_fields_may_change_as_one_likes(editor_api: APIClient) -> None:
    make_schema()
    fields = [{"name": "email", "dataType": "json"}]
    answer = editor_api.put("/api/v1/schemas/schema_customer_profile", {"fields": fields}, format="json")
    assert answer.json()["fields"] == fields


@pytest.mark.parametrize(
    ("body", "problems"),
    [
        ({"fields": []}, [("name", "is required.")]),
        ({"name": "x"}, [("fields", "is required.")]),
        ({**PROFILE, "name": 7}, [("name", "must be text.")]),
        ({**PROFILE, "name": "x" * 256}, [("name", "must have at most 255 characters.")]),
        ({**PROFILE, "isDefault": 1}, [("isDefault", "must be true or false.")]),
        ({**PROFILE, "isdefault": True}, [("isdefault", "is not a known field; did you mean isDefault?")]),
        (
            {**PROFILE, "fields": [{"name": "a", "dataType": "text"}, {"name": "1st", "dataType": "text"}]},
            [("fields[1].name", "must be a letter, then up to 63 letters, digits and _.")],
        ),
        (
            {**PROFILE, "fields": [{"name": "é" * 2, "dataType": "text"}]},
            [("fields[0].name", "must be a letter, then up to 63 letters, digits and _.")],
        ),
        (
            {**PROFILE, "fields": [{"name": "a", "dataType": "varchar"}]},
            [("fields[0].dataType", "must be one of text, integer, decimal, boolean, date, datetime, json.")],
        ),
        ({**PROFILE, "fields": [{"name": "a"}]}, [("fields[0].dataType", "is required.")]),
        (
            {**PROFILE, "fields": [{"name": "a", "dataType": "text", "displayName": "A"}]},
            [("fields[0].displayName", "is not a known field; known are name, dataType.")],
        ),
        (
            {**PROFILE, "fields": [{"name": "a", "dataType": "text"}, {"name": "a", "dataType": "json"}]},
            [("fields[1].name", "a is there twice; names are unique in a schema.")],
        ),
        (
            {**PROFILE, "fields": [{"name": "customerId", "dataType": "text"}]},
            [("fields[0].name", "is reserved for the customer's id; choose another name.")],
        ),
        (
            {**PROFILE, "fields": [{"name": f"f{number}", "dataType": "text"} for number in range(201)]},
            [("fields", "are too many; at most 200 are allowed.")],
        ),
        (
            {**PROFILE, "id": "schema/a"},
            [("id", "must be 1 to 128 letters, digits and ._:@- beginning with a letter or digit.")],
        ),
    ],
)
def test_a_bad_schema_is_refused_with_the_path_to_the_problem(
    editor_api: APIClient, body: Any, problems: list[tuple[str, str]]
) -> None:
    answer = editor_api.post("/api/v1/schemas", body, format="json")
    assert (answer.status_code, details(answer)) == (400, problems)
    assert not Schema.objects.exists()


@pytest.mark.parametrize("body", [[], "x", [PROFILE], {**PROFILE, "fields": {}}, {**PROFILE, "fields": ["a"]}])
def test_a_body_of_another_shape_is_refused(editor_api: APIClient, body: Any) -> None:
    answer = editor_api.post("/api/v1/schemas", body, format="json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "validation_failed")


def test_a_change_with_half_a_field_is_refused(editor_api: APIClient) -> None:
    make_schema()
    answer = editor_api.patch("/api/v1/schemas/schema_customer_profile", {"fields": [{"name": "a"}]}, format="json")
    assert (answer.status_code, details(answer)) == (400, [("fields[0].dataType", "is required.")])


@pytest.mark.parametrize("schema_id", ["schema_none", "%00", "a%00b", "%0A", "%FF", "x" * 2000])
@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_an_unknown_schema_is_not_found(admin_api: APIClient, method: str, schema_id: str) -> None:
    answer = getattr(admin_api, method)(f"/api/v1/schemas/{schema_id}", {}, format="json")
    assert answer.status_code == 404
    if schema_id == "schema_none":
        assert answer.json()["error"]["message"] == "There is no schema 'schema_none'."


def test_a_schema_is_deleted(admin_api: APIClient) -> None:
    make_schema()
    answer = admin_api.delete("/api/v1/schemas/schema_customer_profile")
    assert (answer.status_code, answer.content) == (204, b"")
    assert not Schema.objects.exists()


def test_a_schema_with_records_is_not_deleted(admin_api: APIClient) -> None:
    make_record()
    answer = admin_api.delete("/api/v1/schemas/schema_customer_profile")
    assert answer.status_code == 409
    assert answer.json()["error"]["message"] == "schema_customer_profile has records; delete them first."


def test_the_default_schema_is_deleted_last(admin_api: APIClient) -> None:
    make_schema()
    make_schema("schema_b", is_default=False)
    assert admin_api.delete("/api/v1/schemas/schema_customer_profile").status_code == 409
    assert admin_api.delete("/api/v1/schemas/schema_b").status_code == 204
    assert admin_api.delete("/api/v1/schemas/schema_customer_profile").status_code == 204


def test_each_role_may_do_its_part(
    viewer_api: APIClient, editor_api: APIClient, ingest_api: APIClient, anonymous_api: APIClient
) -> None:
    make_schema()
    path = "/api/v1/schemas/schema_customer_profile"
    assert anonymous_api.get(path).status_code == 401
    assert ingest_api.get(path).status_code == 403
    assert viewer_api.get(path).status_code == 200
    assert viewer_api.patch(path, {}, format="json").status_code == 403
    assert editor_api.patch(path, {}, format="json").status_code == 200
    assert editor_api.delete(path).status_code == 403
    assert Schema.objects.filter(pk="schema_customer_profile").exists()


def test_what_a_route_can_not_do_is_answered_by_its_status(admin_api: APIClient) -> None:
    make_schema()
    assert admin_api.post("/api/v1/schemas/schema_customer_profile", {}, format="json").status_code == 405
    assert admin_api.options("/api/v1/schemas").status_code == 200
    assert admin_api.options("/api/v1/schemas/schema_customer_profile").status_code == 200
    assert admin_api.post("/api/v1/schemas", "name=x", content_type="text/plain").status_code == 415
