"""How a request proves who it is."""

from datetime import timedelta

import pytest
from django.test import Client
from rest_framework.test import APIClient

from kaireon.accounts.keys import create_key, find_key
from kaireon.accounts.models import ApiKey, User
from kaireon.accounts.users import create_user
from kaireon.core import clock

pytestmark = pytest.mark.django_db
URL = "/api/v1/keys"
PASSWORD = "correct horse battery"


@pytest.fixture
def key() -> str:
    """An admin's key."""
    return create_key(name="tests", role="admin")[1]


@pytest.fixture
def browser() -> Client:
    """An admin's browser, signed in, which enforces CSRF as a real one would."""
    user = create_user(login="ada", role="admin", password=PASSWORD)
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    return client


def test_a_key_is_taken_from_either_header(key: str) -> None:
    for headers in ({"Authorization": f"Bearer {key}"}, {"Authorization": f"bearer  {key}"}, {"X-API-Key": key}):
        assert APIClient(headers=headers).get(URL).status_code == 200


@pytest.mark.parametrize(
    "authorization",
    [
        "Basic YWRhOnNlY3JldA==",
        "Token {key}",
        "{key}",
        "Bearer",
        "Bearer ",
        "Bearer krn_wrong",
        "Bearer {key}x",
        "Bearer krn_ü",
    ],
)
def test_a_wrong_scheme_or_key_is_refused_in_the_error_shape(key: str, authorization: str) -> None:
    response = APIClient(headers={"Authorization": authorization.format(key=key)}).get(URL)
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Bearer realm="kaireon"'
    error = response.json()["error"]
    assert (error["code"], error["status"], error["requestId"]) == ("unauthenticated", 401, response["X-Request-Id"])


def test_no_key_at_all_is_refused() -> None:
    response = APIClient().get(URL)
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Bearer realm="kaireon"'
    assert response.json()["error"]["code"] == "unauthenticated"


def test_a_keys_use_is_noted_once_a_minute(key: str) -> None:
    now = clock.now()
    for seconds, noted in ((0, 0), (59, 0), (61, 61)):
        assert find_key(key, now=now + timedelta(seconds=seconds)) is not None
        assert ApiKey.objects.get().last_used_at == now + timedelta(seconds=noted)


def test_a_session_reads_without_and_writes_with_a_csrf_token(browser: Client) -> None:
    body = {"name": "from a browser", "role": "viewer"}
    assert browser.get(URL).status_code == 200

    refused = browser.post(URL, body, content_type="application/json")
    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "forbidden"
    assert refused.json()["error"]["message"].startswith("CSRF Failed:")
    assert not ApiKey.objects.exists()

    browser.get("/login?next=/admin/")  # a signed-in user is sent on; the admin page sets the cookie
    browser.get("/admin/accounts/apikey/add/")
    token = browser.cookies["csrftoken"].value
    made = browser.post(URL, body, content_type="application/json", headers={"X-CSRFToken": token})
    assert made.status_code == 201
    assert ApiKey.objects.get().name == "from a browser"


def test_a_session_ends_with_its_user(browser: Client) -> None:
    assert browser.get(URL).status_code == 200
    user = browser.session["_auth_user_id"]
    User.objects.filter(pk=user).update(is_active=False)
    assert browser.get(URL).status_code == 401
