"""A secret is planted, everything that could touch it is done, and then all that is kept or answered is searched.

Searched are: every column of every table that the database itself lists, all keys and values of Redis, every log record
with its traceback and its extra fields, and every answer of the API and of the admin pages. The value must be found
nowhere, in none of the spellings in which it could stand there.
"""

import base64
import html
import json
import logging
import re
import traceback
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from kaireon.accounts.models import User
from kaireon.accounts.users import create_user
from kaireon.core.redis import redis_client
from kaireon.delivery.models import Attempt, Delivery
from kaireon.delivery.sender import send_due
from tests.accounts.quick_passwords import quick_passwords
from tests.attacks.routes import ADMIN_MODELS
from tests.delivery.receiver import Answer, Receiver
from tests.triggers.fixtures import process_all

__all__ = ["quick_passwords"]
pytestmark = [pytest.mark.django_db, pytest.mark.slow]

SECRET = 'pl4nted<"Geheimnis"/&é+=$42>'
NEWER = 'pl4nted<"zweites"/&ü+=$43>'
UNIQUE = "pl4nted"
PASSWORD = "pl4nted-passw0rd-of-ada"
# Columns, keys, log records and answers that are searched.
CASES_AT_LEAST = {"test_a_planted_secret_is_found_nowhere": 500}


def spellings(value: str) -> set[str]:
    """However it could stand in a text."""
    readings = {value, value.encode().decode("latin-1")}
    escapes: list[Callable[[str], str]] = [
        str, quote, quote_plus, html.escape, repr,
        lambda text: quote(text, safe=""),
        lambda text: json.dumps(text)[1:-1],
        lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
        lambda text: json.dumps(text).replace("/", "\\/")[1:-1],
        lambda text: base64.b64encode(text.encode()).decode().rstrip("="),
        lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
        lambda text: text.encode().hex(),
    ]  # fmt: skip
    return {escape(reading) for reading in readings for escape in escapes} | {UNIQUE}


SPELLINGS = spellings(SECRET) | spellings(NEWER)


class Collector(logging.Handler):
    """Keeps all that a formatter could make of a record."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        parts = [record.getMessage(), repr(record.args), repr(vars(record))]
        if record.exc_info and record.exc_info[1]:
            parts += traceback.format_exception(record.exc_info[1])
        self.texts.append("\n".join(parts))


@pytest.fixture
def logged() -> Iterator[Collector]:
    """All that is logged, at every level, by everybody."""
    collector = Collector()
    root = logging.getLogger()
    # Ours also where settings, or a command that another test has called, have made them quieter.
    known = (one for one in root.manager.loggerDict.values() if isinstance(one, logging.Logger))
    loggers = [root, *(one for one in known if one.name.partition(".")[0] in {"audit", "kaireon", "triggers"})]
    levels = [one.level for one in loggers]
    root.addHandler(collector)
    for one in loggers:
        one.setLevel(logging.DEBUG)
    yield collector
    root.removeHandler(collector)
    for one, level in zip(loggers, levels, strict=True):
        one.setLevel(level)


class Answers:
    """Calls the API and the admin pages, and keeps everything that is answered."""

    def __init__(self, api: APIClient, browser: Client) -> None:
        self._api = api
        self._browser = browser
        self.texts: list[str] = []

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One of the API's answers, whatever its status."""
        data = "" if body is None else json.dumps(body)
        return self._keep(self._api.generic(method, f"/api/v1/{path}", data, content_type="application/json"))

    def page(self, path: str, form: dict[str, str] | None = None) -> Any:
        """A page, or what comes of a form, redirects followed."""
        post = self._browser.post(path, form, follow=True) if form is not None else None
        return self._keep(post or self._browser.get(path, follow=True))

    def _keep(self, answer: Any) -> Any:
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        self.texts.append(f"{dict(answer.headers)} {content.decode(errors='replace')}")
        return answer


def stored_columns() -> Iterator[tuple[str, str]]:
    """Every column of every table, as (its name, its values as text)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns"
            " JOIN information_schema.tables USING (table_schema, table_name)"
            " WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')"
        )
        for schema, table, column, data_type in cursor.fetchall():
            text = "encode(c, 'escape')" if data_type == "bytea" else "c::text"
            cursor.execute(
                f'SELECT string_agg({text}, chr(10)) FROM (SELECT "{column}" AS c FROM "{schema}"."{table}") AS found'
            )
            [(values,)] = cursor.fetchall()
            yield f"{table}.{column}", values or ""


def stored_in_redis() -> Iterator[tuple[str, str]]:
    """Every key with its value, whatever its type."""
    redis = redis_client()
    readers: dict[Any, Callable[[Any], Any]] = {
        b"string": redis.get,
        b"list": lambda key: redis.lrange(key, 0, -1),
        b"set": redis.smembers,
        b"zset": lambda key: redis.zrange(key, 0, -1, withscores=True),
        b"hash": redis.hgetall,
        b"stream": lambda key: redis.xrange(key),
    }
    keys: list[Any] = redis.keys("*")
    for key in keys:
        yield key.decode(errors="replace"), f"{key!r} {readers[redis.type(key)](key)!r}"


def places(logged: Collector, answers: Answers) -> list[tuple[str, str]]:
    """Everything that is kept and everything that was said, each with the name of its place."""
    return [
        *((f"column {name}", values) for name, values in stored_columns()),
        *((f"Redis {name}", values) for name, values in stored_in_redis()),
        *((f"log record {number}", text) for number, text in enumerate(logged.texts)),
        *((f"answer {number}", text) for number, text in enumerate(answers.texts)),
    ]


def leaks(found: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Where one of the spellings stands, with what is around it."""
    pattern = re.compile("|".join(map(re.escape, SPELLINGS)), re.IGNORECASE)
    return [
        (place, text[max(0, match.start() - 60) : match.end() + 20])
        for place, text in found
        for match in [pattern.search(text)]
        if match
    ]


@pytest.fixture
def answers(admin_api: APIClient, quick_passwords: None) -> Answers:
    ada: User = create_user(login="ada", role="admin", password=PASSWORD)
    browser = Client(raise_request_exception=False)
    browser.force_login(ada)
    admin_api.raise_request_exception = False
    return Answers(admin_api, browser)


def webhook(number: int, url: str, **config: Any) -> dict[str, Any]:
    everywhere = {
        "headers": {"Authorization": "Bearer {{secret.token}}", "X-Basic": "a:{{ secret.token }}"},
        "bodyTemplate": {"key": "{{secret.token}}", "text": "<{{secret.token}}>", "list": ["{{secret.token}}"]},
    }
    return {
        "id": f"trg_{number}",
        "name": f"Trigger {number}",
        "eventType": "planted.event",
        "actionType": "webhook",
        "actionConfig": {"url": url, **everywhere, **config},
    }


def exercise(answers: Answers, receiver: Receiver, settings: Settings) -> None:
    """Does with the secret whatever can be done with one."""
    call, page = answers.call, answers.page
    assert call("POST", "secrets", {"name": "token", "value": SECRET}).status_code == 201
    # Refusals must not quote it.
    for body in ({"name": "token", "value": SECRET}, {"name": "a b", "value": SECRET}, {"value": SECRET},
                 {"name": "other", "value": SECRET + "\r\n"}, {"name": "other", "value": [SECRET]},
                 {"name": "other", "value": {SECRET: 1}}, {"name": "o", "valeu": SECRET}):  # fmt: skip
        assert call("POST", "secrets", body).status_code >= 400
    assert call("PUT", "secrets/another", {"value": SECRET}).status_code == 201
    page("/admin/secrets/secret/add/", {"name": "by_page", "value": SECRET})
    page("/admin/secrets/secret/add/", {"name": "not a name!", "value": SECRET})
    page("/admin/secrets/secret/token/change/", {"value": NEWER})

    # Each kind of answer, the secret echoed in its headers and in its body.
    echo = {"X-Echo": quote(SECRET), "Retry-After": SECRET.encode("ascii", "replace").decode()}
    receiver.answer(
        Answer(status=200, echoes=True), Answer(status=404, echoes=True, headers=echo), Answer(resets=True),
        Answer(status=500, body=json.dumps({"error": f"bad key {NEWER}"}).replace("/", "\\/").encode()),
        Answer(status=401, body=f"<p>{html.escape(NEWER)}</p>".encode()),
        Answer(status=302, headers={"Location": f"/?key={quote(NEWER)}"}),
        then=Answer(status=503, echoes=True, headers=echo),
    )  # fmt: skip
    settings.DELIVERY_RETRY_SECONDS = [0, 0]
    # The receiver is to be asked each time, however often it fails.
    settings.DELIVERY_BREAKER_FAILURES = 0
    for number in range(8):
        assert call("POST", "triggers", webhook(number, receiver.url)).status_code == 201
    call("POST", "triggers", webhook(20, "http://127.0.0.1:1/"))
    call("POST", "triggers", webhook(21, "https://hooks.invalid/"))
    call("POST", "triggers", webhook(22, receiver.url, headers={"X": "{{ secret.token | upcase }}"}))
    call("POST", "triggers", webhook(23, receiver.url, headers={"X": "{{ secret.gone }}"}))
    call("PATCH", "triggers/trg_1", {"actionConfig": webhook(1, receiver.url)["actionConfig"], "name": "Changed"})
    for number in (0, 20, 21):
        dry_run = call("POST", f"triggers/trg_{number}/test", {"eventPayload": {"eventType": "planted.event"}})
        assert dry_run.json()["wouldFire"] is True
    channel = {"channelType": "webhook", "config": {"url": receiver.url, "bodyTemplate": {"k": "{{secret.token}}"}}}
    call("POST", "channels", {"id": "ch_1", "name": "Channel", **channel})

    sent = [{"eventType": "planted.event"}, {"eventType": "planted.event", "customerId": "cust_1"}]
    assert call("POST", "events", sent).status_code == 202
    process_all()
    for _ in range(4):
        send_due(run_seconds=30)
    assert Attempt.objects.count() > 16
    for delivery in Delivery.objects.filter(status="dead"):
        call("POST", f"deliveries/{delivery.pk}/redeliver")
    send_due(run_seconds=30)
    assert any(NEWER in str(received.json) for received in receiver.received), "the control: it was sent"

    for path in ("secrets", "deliveries", "audit", "triggers", "events", "channels", "keys", "openapi.json",
                 "audit/export?format=csv", "audit/export?format=jsonl", "signing-secret"):  # fmt: skip
        assert call("GET", path).status_code == 200, path
    for delivery in Delivery.objects.all():
        call("GET", f"deliveries/{delivery.pk}")
        page(f"/admin/delivery/delivery/{delivery.pk}/change/")
    for model in ADMIN_MODELS:
        assert page(f"/admin/{model}/").status_code == 200, model
    for path in ("secrets/secret/token/change/", "secrets/secret/token/history/", "secrets/secret/token/delete/",
                 "triggers/trigger/trg_1/change/", "triggers/trigger/trg_1/history/", ""):  # fmt: skip
        page(f"/admin/{path}")
    call("PUT", "secrets/token", {"value": SECRET})
    call_command("rotate_secrets", verbosity=3)
    call("DELETE", "secrets/token")
    send_due(run_seconds=30)


def test_a_planted_secret_is_found_nowhere(
    answers: Answers, receiver: Receiver, logged: Collector, settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    exercise(answers, receiver, settings)
    out, err = capfd.readouterr()
    found = [*places(logged, answers), ("standard output", out), ("standard error", err)]
    assert len(found) >= CASES_AT_LEAST["test_a_planted_secret_is_found_nowhere"]
    assert leaks(found) == []


def test_control_a_secret_that_is_let_slip_is_found(answers: Answers, logged: Collector) -> None:
    """One in each kind of place, each in another spelling."""
    answers.call("POST", "triggers", webhook(1, "https://hooks.example.com/", headers={"X-Key": SECRET}))
    redis_client().rpush("celery", json.dumps({"body": SECRET}))
    logging.getLogger("kaireon").info("sent", extra={"url": f"https://hooks.example.com/?key={quote(SECRET)}"})
    try:
        raise ValueError(base64.b64encode(SECRET.encode()))
    except ValueError:
        logging.getLogger("kaireon").exception("failed")
    found = {place.split()[0]: text for place, text in leaks(places(logged, answers))}
    assert set(found) == {"column", "Redis", "log", "answer"}
