"""Secrets by API: values go in and never come out."""

from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from kaireon.secrets import vault
from kaireon.secrets.models import Secret

LIST = "/api/v1/secrets"
SIGNING = "/api/v1/signing-secret"


def test_a_secret_is_added_listed_replaced_and_deleted(admin_api: APIClient) -> None:
    added = admin_api.post(LIST, {"name": "token", "value": "s3cret-1"}, format="json")
    assert added.status_code == 201
    assert list(added.json()) == ["name", "createdAt", "updatedAt"]
    assert added.json()["name"] == "token"
    assert admin_api.get(LIST).json() == {
        "data": [added.json()],
        "pagination": {"total": 1, "limit": 50, "offset": 0, "hasMore": False},
    }
    replaced = admin_api.put(f"{LIST}/token", {"value": "s3cret-2"}, format="json")
    assert replaced.status_code == 200
    assert replaced.json()["createdAt"] == added.json()["createdAt"]
    assert vault.values(["token"]).values == {"token": "s3cret-2"}
    assert admin_api.delete(f"{LIST}/token").status_code == 204
    assert admin_api.delete(f"{LIST}/token").status_code == 404
    assert not Secret.objects.exists()


def test_putting_a_new_one_creates_it(admin_api: APIClient) -> None:
    assert admin_api.put(f"{LIST}/token", {"value": " x "}, format="json").status_code == 201
    assert vault.values(["token"]).values == {"token": " x "}


def test_a_name_that_is_taken_is_a_conflict(admin_api: APIClient) -> None:
    admin_api.post(LIST, {"name": "token", "value": "one"}, format="json")
    answer = admin_api.post(LIST, {"name": "token", "value": "two"}, format="json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": "token"}, "value"),
        ({"name": "token", "value": ""}, "value"),
        ({"name": "token", "value": None}, "value"),
        ({"name": "token", "value": 5}, "value"),
        ({"name": "token", "value": "s3cret\n"}, "value"),
        ({"name": "token", "value": "s3cret\x00"}, "value"),
        ({"name": "token", "value": "s3cret" * 2000}, "value"),
        ({"name": "a b", "value": "s3cret"}, "name"),
        ({"name": "a" * 65, "value": "s3cret"}, "name"),
        ({"name": "token", "value": "s3cret", "vlaue": 1}, "vlaue"),
        ([], ""),
    ],
)
def test_a_bad_body_is_refused_with_its_path_and_without_the_value(admin_api: APIClient, body: Any, field: str) -> None:
    answer = admin_api.post(LIST, body, format="json")
    assert answer.status_code == 400
    assert answer.json()["error"]["details"][0]["field"] == field
    assert "s3cret" not in answer.content.decode()
    assert not Secret.objects.exists()


@pytest.mark.parametrize("name", ["a-b", "1", "a%20b", "a%0A", "x" * 65])
def test_a_bad_name_in_the_path_is_refused(admin_api: APIClient, name: str) -> None:
    assert admin_api.put(f"{LIST}/{name}", {"value": "x"}, format="json").status_code == 400
    assert admin_api.delete(f"{LIST}/{name}").status_code == 404


def test_there_is_no_way_to_read_a_value(admin_api: APIClient) -> None:
    admin_api.post(LIST, {"name": "token", "value": "s3cret"}, format="json")
    assert admin_api.get(f"{LIST}/token").status_code == 405
    for answer in (admin_api.get(LIST), admin_api.get("/api/v1/audit")):
        assert answer.status_code == 200
        assert "s3cret" not in answer.content.decode()


def test_without_keys_the_answer_says_what_is_missing(admin_api: APIClient, settings: Settings) -> None:
    settings.SECRETS_KEYS = []
    answer = admin_api.post(LIST, {"name": "token", "value": "x"}, format="json")
    assert answer.status_code == 503
    assert "KAIREON_SECRETS_KEYS is not set" in answer.json()["error"]["message"]
    assert admin_api.get(SIGNING).status_code == 503


@pytest.mark.parametrize("role", ["viewer", "editor", "ingest"])
def test_only_admins_handle_secrets(api_client: Callable[[str], APIClient], role: str) -> None:
    client = api_client(role)
    assert client.get(LIST).status_code == 403
    assert client.post(LIST, {"name": "token", "value": "x"}, format="json").status_code == 403
    assert client.put(f"{LIST}/token", {"value": "x"}, format="json").status_code == 403
    assert client.delete(f"{LIST}/token").status_code == 403
    assert client.get(SIGNING).status_code == 403
    assert client.post(f"{SIGNING}/rotate").status_code == 403


def test_the_signing_secret_is_shown_to_admins_and_rotated(admin_api: APIClient) -> None:
    first = admin_api.get(SIGNING).json()
    assert list(first) == ["secret", "createdAt", "previousValidUntil"]
    assert first["secret"].startswith("whsec_")
    assert first["previousValidUntil"] is None
    rotated = admin_api.post(f"{SIGNING}/rotate")
    assert rotated.status_code == 200
    assert rotated.json()["secret"] != first["secret"]
    assert rotated.json()["previousValidUntil"] > rotated.json()["createdAt"]
    assert admin_api.get(SIGNING).json() == rotated.json()
