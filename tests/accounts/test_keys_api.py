"""Issuing, listing and revoking keys by API."""

import hashlib
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from kaireon.accounts.models import ApiKey

pytestmark = pytest.mark.django_db
URL = "/api/v1/keys"


def issue(client: APIClient, **body: Any) -> dict[str, Any]:
    """The answer to a key that was issued."""
    response = client.post(URL, {"name": "shop", "role": "viewer", **body}, format="json")
    assert response.status_code == 201, response.content
    return dict(response.json())


def test_a_key_is_shown_once_and_stored_as_its_hash(admin_api: APIClient) -> None:
    response = admin_api.post(URL, {"name": " Shop back end ", "role": "ingest"}, format="json")
    issued = response.json()
    assert response["Cache-Control"] == "no-store"
    assert set(issued) == {"id", "name", "role", "prefix", "createdAt", "lastUsedAt", "revokedAt", "key"}
    plain = issued.pop("key")
    assert plain.startswith("krn_")
    assert len(plain) == 47
    assert (issued["name"], issued["role"], issued["prefix"]) == ("Shop back end", "ingest", plain[:10])
    assert (issued["lastUsedAt"], issued["revokedAt"]) == (None, None)

    assert admin_api.get(f"{URL}/{issued['id']}").json() == issued
    assert plain not in admin_api.get(URL).content.decode()
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(k)::text FROM accounts_apikey k WHERE id = %s", [issued["id"]])
        row = cursor.fetchone()[0]
    assert plain not in row
    assert hashlib.sha256(plain.encode()).hexdigest() in row


def test_keys_are_listed_newest_first_page_by_page(admin_api: APIClient) -> None:
    names = [issue(admin_api, name=f"key {number}")["name"] for number in range(3)]
    response = admin_api.get(URL, {"limit": "2"}).json()
    assert [key["name"] for key in response["data"]] == [names[2], names[1]]
    assert response["pagination"] == {"total": 4, "limit": 2, "offset": 0, "hasMore": True}


def test_a_revoked_key_opens_nothing_and_stays_listed(admin_api: APIClient) -> None:
    issued = issue(admin_api)
    client = APIClient(headers={"X-API-Key": issued["key"]})
    assert client.get(URL).status_code == 403  # let in, as a viewer
    first = admin_api.delete(f"{URL}/{issued['id']}")
    assert (first.status_code, first.content) == (204, b"")
    refused = client.get(URL)
    assert refused.status_code == 401
    assert refused.json()["error"] == {
        "code": "unauthenticated",
        "message": "This API key is not valid: it is misspelt or was revoked.",
        "status": 401,
        "requestId": refused["X-Request-Id"],
        "details": [],
    }
    revoked_at = admin_api.get(f"{URL}/{issued['id']}").json()["revokedAt"]
    assert revoked_at is not None
    assert admin_api.delete(f"{URL}/{issued['id']}").status_code == 204
    assert admin_api.get(f"{URL}/{issued['id']}").json()["revokedAt"] == revoked_at


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ({"role": "viewer"}, "name", "is required."),
        ({"name": "a"}, "role", "is required."),
        ({"name": "", "role": "viewer"}, "name", "must not be empty."),
        ({"name": 5, "role": "viewer"}, "name", "must be text."),
        ({"name": "a\x00", "role": "viewer"}, "name", "must not contain line breaks or other control characters."),
        ({"name": "a" * 256, "role": "viewer"}, "name", "must have at most 255 characters."),
        ({"name": "a", "role": "root"}, "role", "must be one of viewer, editor, admin, ingest."),
        ({"name": "a", "role": ["admin"]}, "role", "must be one of viewer, editor, admin, ingest."),
        ({"name": "a", "role": None}, "role", "must not be null."),
        ({"name": "a", "role": "viewer", "rolle": 1}, "rolle", "is not a known field; did you mean role?"),
        ({"name": "a", "role": "viewer", "key": "krn_mine"}, "key", "is not a known field; known are name, role."),
        (["a"], "", "The body must be a JSON object."),
    ],
)
def test_a_body_that_breaks_a_rule_makes_no_key(admin_api: APIClient, body: Any, field: str, message: str) -> None:
    response = admin_api.post(URL, body, format="json")
    assert response.status_code == 400
    assert response.json()["error"]["details"] == [{"field": field, "message": message}]
    assert ApiKey.objects.count() == 1


@pytest.mark.parametrize("key_id", ["ak_none", "a%00b", "ü", "x" * 300])
def test_an_unknown_key_is_not_found(admin_api: APIClient, key_id: str) -> None:
    for method in (admin_api.get, admin_api.delete):
        response = method(f"{URL}/{key_id}")
        assert response.status_code == 404
        assert response.json()["error"]["code"] == "not_found"


def test_a_filter_that_does_not_exist_is_refused(admin_api: APIClient) -> None:
    response = admin_api.get(URL, {"role": "admin"})
    assert response.status_code == 400
    assert response.json()["error"]["details"] == [
        {"field": "role", "message": "is not a known parameter; known are limit, offset."}
    ]
