"""Who may do what with keys and the audit log: admins all, others nothing."""

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from audit.models import Entry
from kaireon.accounts.keys import create_key
from kaireon.accounts.models import ApiKey

pytestmark = pytest.mark.django_db

ROUTES = [
    ("get", "/api/v1/audit", 200),
    ("get", "/api/v1/audit/{entry}", 200),
    ("get", "/api/v1/audit/export", 200),
    ("get", "/api/v1/keys", 200),
    ("post", "/api/v1/keys", 201),
    ("get", "/api/v1/keys/{key}", 200),
    ("delete", "/api/v1/keys/{key}", 204),
]


@pytest.fixture
def call() -> Callable[[APIClient, str, str], int]:
    """Calls a route for a key and an entry that exist, and says the status."""
    key, _ = create_key(name="of somebody", role="viewer")
    entry = Entry.objects.get(subject=key.id)

    def status(client: APIClient, method: str, path: str) -> int:
        body = {"name": "new", "role": "viewer"} if method == "post" else None
        response = getattr(client, method)(path.format(entry=entry.pk, key=key.id), body, format="json")
        if response.status_code >= 400:
            assert response.json()["error"]["status"] == response.status_code
        return int(response.status_code)

    return status


@pytest.mark.parametrize(("method", "path", "status"), ROUTES)
def test_an_admin_may(
    admin_api: APIClient, call: Callable[[APIClient, str, str], int], method: str, path: str, status: int
) -> None:
    assert call(admin_api, method, path) == status


@pytest.mark.parametrize("role", ["editor", "viewer", "ingest"])
@pytest.mark.parametrize(("method", "path", "status"), ROUTES)
def test_others_may_not(
    api_client: Callable[[str], APIClient],
    call: Callable[[APIClient, str, str], int],
    role: str,
    method: str,
    path: str,
    status: int,
) -> None:
    client = api_client(role)
    before = list(ApiKey.objects.order_by("id").values("id", "revoked_at"))
    assert call(client, method, path) == 403
    assert list(ApiKey.objects.order_by("id").values("id", "revoked_at")) == before


@pytest.mark.parametrize(("method", "path", "status"), ROUTES)
def test_nobody_without_a_key_may(
    anonymous_api: APIClient, call: Callable[[APIClient, str, str], int], method: str, path: str, status: int
) -> None:
    assert call(anonymous_api, method, path) == 401
