"""A single event with a key goes the short way. By what it gets as an answer nobody can tell."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from kaireon.accounts.keys import create_key, revoke_key
from kaireon.accounts.models import ApiKey
from kaireon.accounts.roles import Role
from kaireon.core import clock
from kaireon.events import capacity
from kaireon.events.api import door
from kaireon.events.api.views import EventCollection
from kaireon.events.models import Event
from kaireon.events.publish import NewEvent, publish

pytestmark = pytest.mark.django_db

EVENT = {"eventType": "purchase", "customerId": "cust_ä", "properties": {"amount": 1.5, "list": [1, None, "x"]}}
# A cookie that means nothing keeps a request from the short way and changes nothing else.
LONG_WAY = {"Cookie": "theme=dark"}


@pytest.fixture
def views(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Gets a line for each request that comes to the view."""
    seen: list[str] = []
    inner = EventCollection.dispatch

    def dispatch(self: EventCollection, request: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(request.method)
        return inner(self, request, *args, **kwargs)

    monkeypatch.setattr(EventCollection, "dispatch", dispatch)
    return seen


@pytest.fixture
def keys() -> dict[str, str]:
    """Keys by what they are good for."""
    revoked, revoked_text = create_key(name="revoked", role=Role.INGEST)
    revoke_key(key=revoked)
    texts = {role.value: create_key(name=role.value, role=role)[1] for role in Role}
    return texts | {"revoked": revoked_text, "unknown": "krn_" + "x" * 43, "foreign": "abc", "odd": "krn_ä", "": ""}


def bearer(name: str) -> Callable[[dict[str, str]], dict[str, str]]:
    return lambda keys: {"Authorization": f"Bearer {keys[name]}"}


def post(body: bytes, content_type: str, headers: dict[str, str]) -> tuple[int, Any, dict[str, str]]:
    """Status, body and headers, without what is another in each answer."""
    answer = Client(raise_request_exception=False).generic(
        "POST", door.PATH, body, content_type=content_type, headers=headers
    )
    told = json.loads(answer.content)
    for result in told.get("results", []):
        assert result.pop("eventId")
    found = {name: value for name, value in answer.headers.items() if name != "X-Request-Id"}
    assert answer.headers["X-Request-Id"] == told.get("error", {}).get("requestId", answer.headers["X-Request-Id"])
    if "error" in told:
        del told["error"]["requestId"]
    return answer.status_code, told, found


SHORT = [
    ("a bearer key", bearer("ingest"), EVENT, "application/json"),
    ("the other header", lambda keys: {"X-API-Key": keys["editor"]}, EVENT, "application/json"),
    ("another spelling", lambda keys: {"Authorization": f"bearer  {keys['admin']} "}, EVENT, "application/json"),
    ("a charset", bearer("ingest"), EVENT, "application/json; charset=utf-8"),
    ("nothing but a type", bearer("ingest"), {"eventType": "a"}, "application/json"),
    (
        "nulls",
        bearer("ingest"),
        {"eventType": "a", "eventId": None, "customerId": None, "timestamp": None, "properties": None},
        "Application/JSON",
    ),
    ("all fields", bearer("ingest"), EVENT | {"timestamp": "2026-03-10T14:30:00+01:00"}, "application/json"),
]
LONG = [
    ("no key", lambda keys: {}, EVENT, "application/json"),
    *((f"{name or 'an empty'} key", bearer(name), EVENT, "application/json")
      for name in ("viewer", "revoked", "unknown", "foreign", "odd", "")),
    ("another scheme", lambda keys: {"Authorization": "Basic abc"}, EVENT, "application/json"),
    ("a form", bearer("ingest"), b"eventType=a", "application/x-www-form-urlencoded"),
    ("no type of content", bearer("ingest"), EVENT, ""),
    ("compressed", lambda keys: bearer("ingest")(keys) | {"Content-Encoding": "gzip"}, EVENT, "application/json"),
    ("no body", bearer("ingest"), b"", "application/json"),
    ("no JSON", bearer("ingest"), b'{"eventType": NaN}', "application/json"),
    ("half of an event", bearer("ingest"), b'{"eventType": "a"', "application/json"),
    ("a text", bearer("ingest"), b'"a"', "application/json"),
    ("null", bearer("ingest"), b"null", "application/json"),
    ("an unknown field", bearer("ingest"), {"eventtype": "a"}, "application/json"),
    ("mistakes", bearer("ingest"), {"eventType": "A", "customerId": 7, "properties": {"a": "\0"}}, "application/json"),
    ("mistakes and no right", bearer("viewer"), {"eventType": "A"}, "application/json"),
    ("mistakes and no key", lambda keys: {}, b"{", "application/json"),
    ("a large one", bearer("ingest"), {"eventType": "a", "properties": {"a": "x" * 70_000}}, "application/json"),
    ("many", bearer("ingest"), [EVENT, EVENT], "application/json"),
    ("a foreign host", lambda keys: bearer("ingest")(keys) | {"Host": "evil.example"}, EVENT, "application/json"),
]  # fmt: skip


def encoded(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


@pytest.mark.parametrize(
    ("headers", "body", "content_type", "is_short"),
    [pytest.param(*case[1:], case in SHORT, id=case[0]) for case in SHORT + LONG],
)
def test_the_answer_is_the_same_by_either_way(
    keys: dict[str, str],
    views: list[str],
    headers: Callable[[dict[str, str]], dict[str, str]],
    body: Any,
    content_type: str,
    is_short: bool,
) -> None:
    one_way = post(encoded(body), content_type, headers(keys))
    assert (one_way[0] == 202) == (is_short or isinstance(body, list))
    assert len(views) == (0 if is_short or "Host" in headers(keys) else 1)
    stored = list(Event.objects.values("event_type", "customer_id", "properties", "source", "cause", "depth", "status"))
    Event.objects.all().delete()
    assert post(encoded(body), content_type, headers(keys) | LONG_WAY) == one_way
    assert stored == list(Event.objects.values(*(stored[0] if stored else ["event_id"])))


def test_the_path_is_that_of_the_view() -> None:
    assert reverse("events") == door.PATH


def test_only_posts_to_that_very_path_go_by_it(keys: dict[str, str], views: list[str]) -> None:
    headers = bearer("admin")(keys)
    assert Client().get(door.PATH, headers=headers).status_code == 200
    assert Client().put(door.PATH, EVENT, content_type="application/json", headers=headers).status_code == 405
    for path in (f"{door.PATH}/", f"/{door.PATH}", f"{door.PATH}/x"):
        answer = Client().post(path, EVENT, content_type="application/json", headers=headers)
        assert answer.status_code in {404, 405}
    assert views == ["GET", "PUT"]


@pytest.mark.parametrize("way", [{}, LONG_WAY])
def test_an_id_that_was_there_is_a_duplicate(keys: dict[str, str], way: dict[str, str]) -> None:
    headers = bearer("ingest")(keys)
    event = encoded(EVENT | {"eventId": "order-1"})
    assert post(event, "application/json", headers)[1] == {
        "accepted": 1,
        "duplicates": 0,
        "results": [{"eventType": "purchase", "status": "accepted"}],
    }
    assert post(event, "application/json", headers | way)[1] == {
        "accepted": 0,
        "duplicates": 1,
        "results": [{"eventType": "purchase", "status": "duplicate"}],
    }
    assert Event.objects.count() == 1


@pytest.mark.parametrize("way", [{}, LONG_WAY])
def test_over_the_rate_both_ways_say_the_same(
    keys: dict[str, str], settings: Settings, monkeypatch: pytest.MonkeyPatch, way: dict[str, str]
) -> None:
    settings.RATE_LIMIT_PER_MINUTE = 2
    monkeypatch.setattr("kaireon.accounts.throttling.time.time", lambda: 1_900_000_020.0)
    headers = bearer("ingest")(keys)
    assert [post(encoded(EVENT), "application/json", headers | way)[0] for _ in range(2)] == [202, 202]
    status, told, found = post(encoded(EVENT), "application/json", headers | way)
    assert (status, told["error"]["code"], found["Retry-After"]) == (429, "rate_limited", "60")
    # What the long way refuses counts once as well, and other keys have rates of their own.
    other = bearer("editor")(keys)
    assert [post(b"{", "application/json", other | way)[0] for _ in range(3)] == [400, 400, 429]
    assert Event.objects.count() == 2


@pytest.fixture
def _full(settings: Settings) -> Iterator[None]:
    settings.MAX_WAITING_EVENTS = 1
    capacity.forget()
    publish([NewEvent(event_type="a", customer_id=None, properties={}, source="test")], now=clock.now())
    yield
    capacity.forget()


@pytest.mark.usefixtures("_full")
def test_where_the_queue_is_full_both_ways_say_the_same(keys: dict[str, str], settings: Settings) -> None:
    settings.RATE_LIMIT_PER_MINUTE = 2
    headers = bearer("ingest")(keys)
    short = post(encoded(EVENT), "application/json", headers)
    assert (short[0], short[2]["Retry-After"]) == (503, "5")
    assert post(encoded(EVENT), "application/json", headers | LONG_WAY) == short
    assert Event.objects.count() == 1


def test_over_tls_alone_means_for_the_short_way_too(keys: dict[str, str], settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    answer = Client().post(door.PATH, EVENT, content_type="application/json", headers=bearer("ingest")(keys))
    assert (answer.status_code, answer["Location"]) == (301, f"https://testserver{door.PATH}")


def test_the_use_of_a_key_is_noted(keys: dict[str, str], views: list[str]) -> None:
    post(encoded(EVENT), "application/json", bearer("ingest")(keys))
    assert views == []
    assert ApiKey.objects.exclude(last_used_at=None).get().name == "ingest"
