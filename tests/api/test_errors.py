"""One shape for every error, whatever raised it; and what stands in an answer beside the error."""

import logging
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.handlers.wsgi import WSGIRequest
from django.db import InterfaceError, OperationalError
from django.test import Client
from django.test.client import BOUNDARY
from pytest_django import Settings
from redis import ConnectionError as RedisAway
from rest_framework.test import APIClient

from kaireon.accounts.models import User
from kaireon.accounts.roles import Role
from kaireon.core.errors import MAX_DETAILS
from tests.api.answers import fields, refusal

pytestmark = pytest.mark.django_db

EVENTS = "/api/v1/events"
EVENT = {"eventType": "a"}


def break_ingestion(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def broken(*args: Any, **kwargs: Any) -> Any:
        raise error

    for door in ("together", "ingestion"):
        monkeypatch.setattr(f"kaireon.events.{door}.publish", broken)


# What Django answers by itself


@pytest.mark.parametrize(
    "path", ["/api", "/api/", "/api/v1", "/api/v1/", "/api/v1/nothing", "/api/v2/triggers", "/API/v1/triggers"]
)
@pytest.mark.parametrize("method", ["get", "post", "delete", "options"])
def test_an_unknown_route_has_the_error_shape(anonymous_api: APIClient, path: str, method: str) -> None:
    answer = getattr(anonymous_api, method)(path)
    assert refusal(answer) == (404, "not_found")
    assert path in answer.json()["error"]["message"]


def test_a_path_that_begins_with_two_slashes_has_the_error_shape(anonymous_api: APIClient) -> None:
    answer = anonymous_api.get("/", PATH_INFO="//api/v1/triggers")
    assert refusal(answer) == (404, "not_found")


@pytest.mark.parametrize("path", ["/nothing", "/apiary", "/admin/nothing", "/a%00b"])
def test_elsewhere_an_unknown_route_is_a_page(client: Client, path: str) -> None:
    client.force_login(User.objects.create(username="ada", role=Role.ADMIN))
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer["Content-Type"].startswith("text/html")


def test_a_foreign_host_is_refused_in_the_error_shape(admin_api: APIClient) -> None:
    answer = admin_api.get("/api/v1/triggers", headers={"Host": "evil.example"})
    assert refusal(answer) == (400, "validation_failed")
    assert "evil.example" not in answer.content.decode()
    page = admin_api.get("/login", headers={"Host": "evil.example"})
    assert (page.status_code, page["Content-Type"]) == (400, "text/html; charset=utf-8")


def test_thousands_of_parameters_are_refused_in_the_error_shape(admin_api: APIClient) -> None:
    assert refusal(admin_api.get("/api/v1/triggers?" + "a=1&" * 2000)) == (400, "validation_failed")


# What nobody anticipated


def test_a_bug_is_a_500_that_tells_nothing_and_is_logged_under_its_request_id(
    admin_api: APIClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    break_ingestion(monkeypatch, RuntimeError("the innermost secret"))
    admin_api.raise_request_exception = False
    with caplog.at_level(logging.ERROR):
        answer = admin_api.post(EVENTS, EVENT, format="json", headers={"X-Request-Id": "of-this-request"})
    assert refusal(answer) == (500, "internal")
    assert "innermost" not in answer.content.decode()
    [record] = [record for record in caplog.records if record.exc_info]
    assert "the innermost secret" in caplog.text
    request: WSGIRequest = vars(record)["request"]
    assert request.path == EVENTS


def test_elsewhere_a_bug_is_a_page(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("the innermost secret")

    monkeypatch.setattr("kaireon.accounts.views.SignIn.get_context_data", broken)
    client.raise_request_exception = False
    answer = client.get("/login")
    assert (answer.status_code, answer["Content-Type"]) == (500, "text/html; charset=utf-8")
    assert "innermost" not in answer.content.decode()


@pytest.mark.parametrize(
    "error", [OperationalError("host db-7 is down"), InterfaceError("closed"), RedisAway("host redis-3 is down")]
)
def test_a_database_that_is_away_is_a_503_that_says_when_to_try_again(
    admin_api: APIClient, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    break_ingestion(monkeypatch, error)
    answer = admin_api.post(EVENTS, EVENT, format="json")
    assert refusal(answer) == (503, "unavailable")
    assert int(answer["Retry-After"]) >= 1
    assert "is down" not in answer.content.decode()


# Bounds of an answer


def test_a_million_mistakes_get_a_short_answer(admin_api: APIClient) -> None:
    unknown = "{" + ",".join(f'"k{number}":1' for number in range(200_000)) + "}"
    nothing = "[" + ",".join("1" for _ in range(1_000)) + "]"
    for path, body in (
        (EVENTS, unknown),
        (EVENTS, nothing),
        (EVENTS, f"[{','.join([unknown[:60_000].rpartition(',')[0] + '}'] * 50)}]"),
        ("/api/v1/triggers", unknown),
        ("/api/v1/keys", unknown),
        ("/api/v1/schemas", f'{{"name": "a", "fields": {nothing}}}'),
    ):
        answer = admin_api.generic("POST", path, body, content_type="application/json")
        assert refusal(answer) == (400, "validation_failed")
        assert 1 <= len(fields(answer)) <= MAX_DETAILS
        assert len(answer.content) < 50_000


def test_what_was_sent_is_echoed_up_to_a_point(admin_api: APIClient) -> None:
    answer = admin_api.post("/api/v1/keys", {"x" * 1_000_000: 1}, format="json")
    assert refusal(answer) == (400, "validation_failed")
    assert fields(answer)[0] == "x" * 499 + "…"
    assert len(admin_api.get("/api/v1/triggers/" + "x" * 50_000).content) < 3_000


def test_a_long_key_above_many_members_takes_no_time_to_refuse(admin_api: APIClient) -> None:
    """Their paths, put together for each member, would be a thousand times the body."""
    members = ",".join(f'"{number}":1' for number in range(100_000))
    body = f'{{"eventType": "a", "properties": {{"{"k" * 2_000_000}": {{{members}}}}}}}'
    answer = admin_api.generic("POST", EVENTS, body, content_type="application/json")
    assert refusal(answer) == (400, "validation_failed")
    assert fields(answer) == ["properties"]


def test_a_search_is_short(admin_api: APIClient) -> None:
    answer = admin_api.get("/api/v1/triggers?search=" + "a+" * 5_000)
    assert refusal(answer) == (400, "validation_failed")
    assert fields(answer) == ["search"]


# Request ids


@pytest.mark.parametrize("given", ["12345678", "a" * 64, "Of-My.own_7"])
def test_the_callers_request_id_is_kept(admin_api: APIClient, given: str) -> None:
    answer = admin_api.get("/api/v1/triggers/gone", headers={"X-Request-Id": given})
    assert answer["X-Request-Id"] == answer.json()["error"]["requestId"] == given


@pytest.mark.parametrize(
    "given", ["", "short", "a" * 65, "has blanks in it", "<script>alert(1)</script>", "ünïcödé-id"]
)
def test_an_odd_request_id_is_replaced(admin_api: APIClient, given: str) -> None:
    answer = admin_api.get("/api/v1/triggers/gone", headers={"X-Request-Id": given})
    assert answer["X-Request-Id"].startswith("req_")
    assert answer.json()["error"]["requestId"] == answer["X-Request-Id"]


def test_each_request_has_an_id_of_its_own(admin_api: APIClient) -> None:
    assert len({admin_api.get("/api/v1/triggers")["X-Request-Id"] for _ in range(5)}) == 5


# The browser's session


@pytest.fixture
def browser() -> APIClient:
    """Signed in as an admin, with CSRF checks as in a browser."""
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(User.objects.create(username="ada", role=Role.ADMIN))
    return client


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_a_session_without_its_csrf_token_may_only_read(browser: APIClient, method: str) -> None:
    assert browser.get("/api/v1/triggers").status_code == 200
    answer = getattr(browser, method)("/api/v1/triggers/gone", {}, format="json")
    assert refusal(answer) == (403, "forbidden")


def test_a_session_with_its_csrf_token_may_write(browser: APIClient) -> None:
    browser.get("/login")
    browser.logout()
    browser.get("/login")
    browser.force_login(User.objects.get(username="ada"))
    token = browser.cookies[django_settings.CSRF_COOKIE_NAME].value
    answer = browser.post(EVENTS, EVENT, format="json", headers={"X-CSRFToken": token})
    assert answer.status_code == 202


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded", "eventType=a"),
        (f"multipart/form-data; boundary={BOUNDARY}", f"--{BOUNDARY}--\r\n"),
        ("text/plain", '{"eventType": "a"}'),
    ],
)
def test_a_form_on_a_foreign_site_gets_nowhere(browser: APIClient, content_type: str, body: str) -> None:
    answer = browser.generic("POST", EVENTS, body, content_type=content_type)
    assert refusal(answer)[0] in {403, 415}


# The rate limit

MOMENT = 1_900_000_020.0
"""20 seconds into a minute, when 40 are left."""


@pytest.fixture
def _two_a_minute(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.RATE_LIMIT_PER_MINUTE = 2
    monkeypatch.setattr("kaireon.accounts.throttling.time.time", lambda: MOMENT - MOMENT % 60 + 20)


@pytest.mark.usefixtures("_two_a_minute")
def test_over_the_rate_a_caller_is_told_when_to_go_on(admin_api: APIClient, editor_api: APIClient) -> None:
    answers = [admin_api.post(EVENTS, EVENT, format="json") for _ in range(3)]
    assert [answer.status_code for answer in answers[:2]] == [202, 202]
    assert refusal(answers[2]) == (429, "rate_limited")
    assert answers[2]["Retry-After"] == "40"
    assert editor_api.post(EVENTS, EVENT, format="json").status_code == 202


@pytest.mark.usefixtures("_two_a_minute")
def test_the_next_minute_begins_anew(admin_api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [admin_api.get("/api/v1/triggers").status_code for _ in range(3)] == [200, 200, 429]
    monkeypatch.setattr("kaireon.accounts.throttling.time.time", lambda: MOMENT + 60)
    assert admin_api.get("/api/v1/triggers").status_code == 200


@pytest.mark.usefixtures("_two_a_minute")
def test_0_is_no_limit(admin_api: APIClient, settings: Settings) -> None:
    settings.RATE_LIMIT_PER_MINUTE = 0
    assert {admin_api.get("/api/v1/triggers").status_code for _ in range(5)} == {200}


@pytest.mark.usefixtures("_two_a_minute")
def test_without_redis_nobody_is_held_back(admin_api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> Any:
        raise RedisAway("away")

    monkeypatch.setattr("kaireon.accounts.throttling.redis_client", away)
    assert {admin_api.get("/api/v1/triggers").status_code for _ in range(5)} == {200}
