"""The routes of segments."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from audit.models import Entry
from kaireon.accounts.models import User
from kaireon.core import clock
from kaireon.customers.models import Membership, Segment
from kaireon.customers.reevaluation import evaluate_chunk, let_writers_pass
from tests.segments.population import ACTIVE, GOLD, members, put, settle, settled_segment

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("schema")]

PATH = "/api/v1/segments"
BODY = {"name": "Gold customers", "criteria": GOLD}


def details(answer: Any) -> list[tuple[str, str]]:
    return [(detail["field"], detail["message"]) for detail in answer.json()["error"]["details"]]


def audited() -> list[tuple[str, str, dict[str, Any]]]:
    entries = Entry.objects.filter(action__startswith="segment.").order_by("id")
    return [(entry.action, entry.subject, entry.facts) for entry in entries]


def test_a_segment_gets_a_readable_id_and_the_default_schema(editor_api: APIClient) -> None:
    put("ada", tier="gold")
    answer = editor_api.post(PATH, BODY, format="json")
    body = answer.json()
    assert (answer.status_code, answer["Location"]) == (201, "/api/v1/segments/seg_gold_customers")
    assert body == {
        "id": "seg_gold_customers",
        "name": "Gold customers",
        "schemaId": "schema_customer_profile",
        "criteria": GOLD,
        "version": 1,
        "memberCount": 0,
        "progress": {"done": 0, "total": 1},
        "createdAt": body["createdAt"],
        "updatedAt": body["createdAt"],
    }
    settle("seg_gold_customers")
    settled = {**body, "memberCount": 1, "progress": None}
    assert editor_api.get(f"{PATH}/seg_gold_customers").json() == settled
    assert editor_api.get(PATH).json()["data"] == [settled]
    facts = {"name": "Gold customers", "schemaId": "schema_customer_profile", "criteria": GOLD}
    assert audited() == [("segment.created", "seg_gold_customers", facts)]


def test_progress_is_told_while_it_goes_on(viewer_api: APIClient, editor_api: APIClient) -> None:
    for name in "abc":
        put(name, tier="gold")
    editor_api.post(PATH, {**BODY, "id": "seg_gold"}, format="json")
    let_writers_pass("seg_gold")
    evaluate_chunk("seg_gold", size=2, now=clock.now())
    body = viewer_api.get(f"{PATH}/seg_gold").json()
    assert (body["memberCount"], body["progress"]) == (2, {"done": 2, "total": 3})
    put("aa", tier="gold")
    put("d", tier="gold")
    put("e", tier="gold")
    evaluate_chunk("seg_gold", size=3, now=clock.now())
    body = viewer_api.get(f"{PATH}/seg_gold").json()
    assert (body["memberCount"], body["progress"]) == (6, {"done": 5, "total": 5})


@pytest.mark.parametrize("method", ["put", "patch"])
def test_a_change_is_partial_and_audited(editor_api: APIClient, method: str) -> None:
    settled_segment()
    put("ada", tier="gold")
    change = getattr(editor_api, method)
    renamed = change(f"{PATH}/seg_gold", {"name": "Golden"}, format="json").json()
    assert (renamed["name"], renamed["criteria"], renamed["version"], renamed["progress"]) == ("Golden", GOLD, 2, None)
    assert renamed["memberCount"] == 1
    new = {"criteria": {}, "version": 2, "schemaId": "schema_customer_profile"}
    judged = change(f"{PATH}/seg_gold", new, format="json").json()
    assert (judged["criteria"], judged["version"], judged["progress"]) == ({}, 3, {"done": 0, "total": 1})
    again = change(f"{PATH}/seg_gold", judged, format="json")
    assert (again.status_code, again.json()) == (200, judged)
    assert audited()[1:] == [
        (
            "segment.updated",
            "seg_gold",
            {"version": 2, "changes": {"name": {"before": "Gold", "after": "Golden"}}},
        ),
        ("segment.updated", "seg_gold", {"version": 3, "changes": {"criteria": {"before": GOLD, "after": {}}}}),
    ]


def test_a_change_of_an_older_version_is_refused(editor_api: APIClient) -> None:
    settled_segment()
    editor_api.patch(f"{PATH}/seg_gold", {"name": "Golden"}, format="json")
    answer = editor_api.patch(f"{PATH}/seg_gold", {"name": "Goldest", "version": 1}, format="json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")
    assert Segment.objects.get().name == "Golden"


def test_the_id_and_the_schema_stay(editor_api: APIClient) -> None:
    settled_segment()
    for field in ("id", "schemaId"):
        answer = editor_api.patch(f"{PATH}/seg_gold", {field: "other"}, format="json")
        assert (answer.status_code, details(answer)) == (
            400,
            [(field, "can't be changed; make a new segment instead.")],
        )


def test_a_deleted_segment_takes_its_memberships_with_it(admin_api: APIClient) -> None:
    settled_segment()
    settled_segment("seg_active", ACTIVE)
    put("ada", tier="gold", event_count=3)
    assert admin_api.delete(f"{PATH}/seg_gold").status_code == 204
    assert list(Membership.objects.values_list("segment_id", "customer_id")) == [("seg_active", "ada")]
    assert admin_api.get(f"{PATH}/seg_gold").status_code == 404
    assert admin_api.delete(f"{PATH}/seg_gold").status_code == 404
    assert audited()[-1][:2] == ("segment.deleted", "seg_gold")
    # Its id is not given to another one whose history it would seem to be.
    assert admin_api.post(PATH, {**BODY, "name": "gold"}, format="json").json()["id"] == "seg_gold_2"


def test_a_given_id_is_kept_and_can_be_taken_once(editor_api: APIClient) -> None:
    assert editor_api.post(PATH, {**BODY, "id": "vip"}, format="json").json()["id"] == "vip"
    again = editor_api.post(PATH, {**BODY, "id": "vip"}, format="json")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "conflict")
    assert Segment.objects.count() == 1


def test_the_default_schema_is_needed_where_none_is_named(editor_api: APIClient, admin_api: APIClient) -> None:
    unknown = editor_api.post(PATH, {**BODY, "schemaId": "schema_none"}, format="json")
    assert (unknown.status_code, details(unknown)) == (
        400,
        [("schemaId", "there is no schema 'schema_none'; see GET /schemas.")],
    )
    assert admin_api.delete("/api/v1/schemas/schema_customer_profile").status_code == 204
    none = editor_api.post(PATH, BODY, format="json")
    assert details(none) == [("schemaId", "is required, since there is no default schema.")]


def test_a_schema_with_segments_stays(admin_api: APIClient) -> None:
    settled_segment()
    answer = admin_api.delete("/api/v1/schemas/schema_customer_profile")
    assert (answer.status_code, answer.json()["error"]["message"]) == (
        409,
        "schema_customer_profile has segments; delete them first.",
    )


@pytest.mark.parametrize(
    ("criteria", "problems"),
    [
        ({"field": "tier", "operator": "eq", "value": 1}, [("criteria.field", "must begin with customer.: ")]),
        ({"field": "customer", "operator": "exists"}, [("criteria.field", "must begin with customer.: ")]),
        (
            {"any": [GOLD, {"all": [GOLD, {"field": "event.amount", "operator": "exists"}]}]},
            [("criteria.any[1].all[1].field", "must begin with customer.: ")],
        ),
        (
            {"field": "customer.teir", "operator": "exists"},
            [("criteria.field", "customer.teir: teir is not a field of schema_customer_profile; did you mean tier?")],
        ),
        ({"all": []}, [("criteria.all", "all must not be empty")]),
        (
            {"all": [{"field": "customer.tier", "operator": "is", "value": 1}]},
            [("criteria.all[0].operator", '"is" is not an operator')],
        ),
        ([], [("criteria", "must be an object.")]),
    ],
)
def test_bad_criteria_are_refused_with_the_path_to_the_problem(
    editor_api: APIClient, criteria: Any, problems: list[tuple[str, str]]
) -> None:
    settled_segment("seg_old")
    answers = [
        editor_api.post(PATH, {"name": "Bad", "criteria": criteria}, format="json"),
        editor_api.patch(f"{PATH}/seg_old", {"criteria": criteria}, format="json"),
    ]
    for answer in answers:
        assert answer.status_code == 400
        found = details(answer)
        assert [field for field, _ in found] == [field for field, _ in problems]
        for (_, message), (_, beginning) in zip(found, problems, strict=True):
            assert message.startswith(beginning)
    assert Segment.objects.get().criteria == GOLD


def test_a_path_into_an_attribute_is_a_path_into_that_attribute(editor_api: APIClient) -> None:
    criteria = {"field": "customer.notes.languages.0", "operator": "eq", "value": "de"}
    editor_api.post(PATH, {"name": "German", "criteria": criteria}, format="json")
    put("ada", notes={"languages": ["de", "en"]})
    put("bob", notes={"languages": ["en", "de"]})
    assert members("seg_german") == ["ada"]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"criteria": GOLD}, ("name", "is required.")),
        ({"name": "Gold"}, ("criteria", "is required.")),
        ({**BODY, "name": ""}, ("name", "must not be empty.")),
        ({**BODY, "memberCount": 3, "criterion": 1}, ("criterion", "is not a known field; did you mean criteria?")),
        ({**BODY, "id": "a b"}, ("id", "must be 1 to 128 letters, digits and ._:@- beginning with a letter or digit.")),
    ],
)
def test_a_bad_body_is_refused(editor_api: APIClient, body: Any, problem: tuple[str, str]) -> None:
    answer = editor_api.post(PATH, body, format="json")
    assert (answer.status_code, details(answer)) == (400, [problem])
    assert Segment.objects.count() == 0


def test_members_are_listed_by_customer_and_looked_up(viewer_api: APIClient) -> None:
    settled_segment()
    for name in ("bob", "ada", "eve"):
        put(name, tier="gold")
    put("joe", tier="silver")
    body = viewer_api.get(f"{PATH}/seg_gold/members", {"limit": 2}).json()
    assert [member["customerId"] for member in body["data"]] == ["ada", "bob"]
    assert body["pagination"] == {"total": 3, "limit": 2, "offset": 0, "hasMore": True}
    assert set(body["data"][0]) == {"customerId", "enteredAt"}
    eve = viewer_api.get(f"{PATH}/seg_gold/members", {"customerId": "eve"}).json()["data"]
    assert [member["customerId"] for member in eve] == ["eve"]
    assert viewer_api.get(f"{PATH}/seg_gold/members", {"customerId": "joe"}).json()["data"] == []
    assert viewer_api.get(f"{PATH}/seg_gold/members", {"customer": "joe"}).status_code == 400
    assert viewer_api.get(f"{PATH}/seg_none/members").status_code == 404


def test_the_list_counts_members_in_one_query_and_is_filtered_by_schema(editor_api: APIClient) -> None:
    put("ada", tier="gold")
    for number in range(10):
        settled_segment(f"seg_{number}")
    with CaptureQueriesContext(connection) as queries:
        body = editor_api.get(PATH, {"schemaId": "schema_customer_profile"}).json()
    assert [segment["memberCount"] for segment in body["data"]] == [1] * 10
    assert sum("customers_membership" in query["sql"] for query in queries.captured_queries) == 1
    assert editor_api.get(PATH, {"schemaId": "schema_b"}).json()["pagination"]["total"] == 0


ROUTES = [
    ("get", PATH, None, "viewer"),
    ("post", PATH, BODY, "editor"),
    ("get", f"{PATH}/seg_old", None, "viewer"),
    ("put", f"{PATH}/seg_old", {"name": "New"}, "editor"),
    ("patch", f"{PATH}/seg_old", {"name": "New"}, "editor"),
    ("delete", f"{PATH}/seg_old", None, "admin"),
    ("get", f"{PATH}/seg_old/members", None, "viewer"),
]
ROLES = ["ingest", "viewer", "editor", "admin"]


@pytest.mark.parametrize(("method", "path", "body", "lowest"), ROUTES)
@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_do_what_it_may(
    api_client: Callable[[str], APIClient], method: str, path: str, body: Any, lowest: str, role: str
) -> None:
    settled_segment("seg_old")
    status = getattr(api_client(role), method)(path, body, format="json").status_code
    if ROLES.index(role) >= ROLES.index(lowest):
        assert status in {200, 201, 204}
    else:
        assert status == 403
    assert getattr(APIClient(), method)(path, body, format="json").status_code == 401


def test_what_a_route_can_not_do_is_405(editor_api: APIClient) -> None:
    settled_segment("seg_old")
    assert editor_api.post(f"{PATH}/seg_old/members", {}, format="json").status_code == 405


def test_segments_are_shown_in_the_admin_and_nothing_more() -> None:
    settled_segment()
    client = Client()
    client.force_login(User.objects.create_user("ada", role="admin"))
    assert b"seg_gold" in client.get("/admin/customers/segment/").content
    assert b"customer.tier" in client.get("/admin/customers/segment/seg_gold/change/").content
    assert client.get("/admin/customers/segment/add/").status_code == 403
    assert client.post("/admin/customers/segment/seg_gold/delete/", {"post": "yes"}).status_code == 403
