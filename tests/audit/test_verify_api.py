"""GET /audit/verify."""

from typing import Any

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from audit.models import Entry, Seal
from tests.audit.tampering import add_many, seal_all, seal_row, tamper

pytestmark = pytest.mark.django_db
URL = "/api/v1/audit/verify"


def verified(client: APIClient, **parameters: str | int) -> dict[str, Any]:
    """The answer."""
    response = client.get(URL, parameters)
    assert response.status_code == 200, response.content
    return dict(response.json())


def test_an_empty_log_is_intact(admin_api: APIClient) -> None:
    assert verified(admin_api) == {
        "isIntact": True,
        "findings": [],
        "findingCount": 0,
        "fromSeal": 1,
        "toSeal": None,
        "nextSeal": None,
        "entries": 0,
        "sealed": None,
    }


def test_what_was_changed_is_named(admin_api: APIClient) -> None:
    ids = add_many(4)
    seal_all(batch_size=2)
    first = verified(admin_api)
    newest = Seal.objects.order_by("-number")[0]
    assert (first["isIntact"], first["toSeal"], first["nextSeal"]) == (True, newest.number, None)
    assert first["sealed"]["head"] == newest.head
    assert first["sealed"]["entryId"] == str(newest.last_id)
    tamper("UPDATE audit_entry SET actor = 'user:eve' WHERE id = %s", ids[1])
    tamper("DELETE FROM audit_entry WHERE id = %s", ids[2])
    second = verified(admin_api)
    assert (second["isIntact"], second["findingCount"]) == (False, 2)
    seal_of_first = Seal.objects.filter(last_id__gte=ids[1]).order_by("number")[0].number
    assert second["findings"][0] == {
        "kind": "entry_changed",
        "sealNumber": seal_of_first,
        "entryId": str(ids[1]),
        "message": f"Entry {ids[1]} was changed (seal {seal_of_first}).",
    }
    assert [(found["kind"], found["entryId"]) for found in second["findings"]] == [
        ("entry_changed", str(ids[1])),
        ("entry_missing", str(ids[2])),
    ]


def test_a_call_is_bounded_and_the_next_goes_on(admin_api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audit.api.views.VERIFY_ENTRIES", 3)
    add_many(7)
    seal_all(batch_size=2)
    newest = Seal.objects.order_by("-number")[0].number
    first = verified(admin_api)
    assert (first["fromSeal"], first["toSeal"], first["nextSeal"], first["entries"]) == (1, 2, 3, 4)
    second = verified(admin_api, fromSeal=first["nextSeal"])
    assert (second["fromSeal"], second["toSeal"]) == (3, newest)
    assert second["nextSeal"] is None


def test_a_call_is_bounded_in_time(admin_api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audit.api.views.VERIFY_SECONDS", -1.0)
    add_many(4)
    seal_all(batch_size=2)
    assert verified(admin_api)["nextSeal"] == 2


def test_a_cut_off_tail_is_found_by_the_head(admin_api: APIClient) -> None:
    ids = add_many(4)
    seal_all(batch_size=2)
    newest = Seal.objects.order_by("-number")[0]
    assert verified(admin_api, expectHead=newest.head)["isIntact"] is True
    tamper("DELETE FROM audit_seal WHERE number = %s", newest.number)
    tamper("DELETE FROM audit_entry WHERE id >= %s", ids[-1])
    assert verified(admin_api)["isIntact"] is True
    assert [found["kind"] for found in verified(admin_api, expectHead=newest.head)["findings"]] == ["tail_cut"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("fromSeal=0", "fromSeal"),
        ("fromSeal=-1", "fromSeal"),
        ("fromSeal=x", "fromSeal"),
        ("fromSeal=99999999999999999999", "fromSeal"),
        ("fromSeal=", "fromSeal"),
        ("fromSeal=1&fromSeal=2", "fromSeal"),
        ("expectHead=1", "expectHead"),
        ("from=1", "from"),
    ],
)
def test_parameters_are_checked(admin_api: APIClient, query: str, field: str) -> None:
    response = admin_api.get(f"{URL}?{query}")
    assert response.status_code == 400
    assert [detail["field"] for detail in response.json()["error"]["details"]] == [field]


def test_each_call_is_noted_with_who_asked(admin_api: APIClient) -> None:
    add_many(1)
    seal_all()
    verified(admin_api)
    entry = Entry.objects.get(action="audit.verified")
    assert entry.actor.startswith("key:")
    assert (entry.outcome, entry.facts["isComplete"]) == ("succeeded", True)
    assert seal_row(1).number == 1


def test_without_a_key_it_says_what_is_missing(admin_api: APIClient, settings: Settings) -> None:
    settings.AUDIT_KEYS = []
    response = admin_api.get(URL)
    assert response.status_code == 503
    assert "KAIREON_AUDIT_KEYS is not set" in response.json()["error"]["message"]


def test_it_is_for_admins(editor_api: APIClient, viewer_api: APIClient) -> None:
    assert [api.get(URL).status_code for api in (editor_api, viewer_api)] == [403, 403]
