"""Guessing passwords is held back, nobody is locked out by it where they always sign in, and the page says how long."""

import re
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.dispatch import Signal
from django.test import Client
from pytest_django import Settings
from redis import RedisError

from audit.models import Entry
from kaireon.accounts import sign_in_limits
from kaireon.accounts.models import User
from kaireon.accounts.sign_in_limits import OF_ADDRESS, OF_LOGIN, OF_LOGIN_FROM_ADDRESS, begin_attempt, succeeded
from kaireon.accounts.users import create_user
from kaireon.core import clock
from kaireon.core.redis import redis_client
from tests.accounts.quick_passwords import quick_passwords

__all__ = ["quick_passwords"]
pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
HERE = "198.51.100.7"


@pytest.fixture(autouse=True)
def ada(quick_passwords: None) -> User:
    """An admin."""
    return create_user(login="ada", role="admin", password=PASSWORD)


def attempt(password: str, *, login: str = "ada", address: str = HERE, **headers: str) -> Any:
    return Client().post(
        "/login", {"username": login, "password": password}, REMOTE_ADDR=address, headers={**headers}
    )  # fmt: skip


def guess(count: int, **more: Any) -> list[int]:
    return [attempt("wrong", **more).status_code for _ in range(count)]


def test_after_five_failures_even_the_right_password_has_to_wait() -> None:
    assert guess(5) == [200] * 5
    held_back = attempt(PASSWORD)
    assert held_back.status_code == 429
    assert "sessionid" not in held_back.client.cookies
    wait_seconds = int(held_back["Retry-After"])
    assert OF_LOGIN_FROM_ADDRESS.seconds - 60 < wait_seconds <= OF_LOGIN_FROM_ADDRESS.seconds
    told = re.search(r"Too many attempts to sign in\. Try again in 15 minutes, at (\d\d:\d\d) UTC\.", text(held_back))
    assert told
    expected = clock.now() + timedelta(seconds=wait_seconds)
    assert told[1] in {f"{expected + timedelta(seconds=slip):%H:%M}" for slip in (-2, 0, 2)}
    assert 'value="ada"' in text(held_back)
    assert PASSWORD not in text(held_back)


def text(answer: Any) -> str:
    return str(answer.content.decode())


def test_the_time_is_not_prolonged_by_trying_on() -> None:
    guess(5)
    [pair] = redis_client().keys("signin:pair:*")
    redis_client().expire(pair, 100)
    assert guess(3) == [429] * 3
    assert redis_client().ttl(pair) <= 100
    redis_client().delete(pair)  # what expiry does
    assert attempt(PASSWORD).status_code == 302


def test_signing_in_forgets_the_failures() -> None:
    for _ in range(3):
        assert guess(4) == [200] * 4
        assert attempt(PASSWORD).status_code == 302


def test_one_who_guesses_holds_back_nobody_else() -> None:
    guess(8, address="203.0.113.9")
    assert attempt(PASSWORD, address=HERE).status_code == 302
    create_user(login="bob", role="viewer", password=PASSWORD)
    assert attempt(PASSWORD, login="bob", address="203.0.113.9").status_code == 302


def test_one_password_for_everybody_is_held_back_by_address() -> None:
    for number in range(OF_ADDRESS.failures):
        assert begin_attempt(login=f"user{number}", address=HERE) == 0
    assert 0 < begin_attempt(login="one more", address=HERE) <= OF_ADDRESS.seconds
    assert begin_attempt(login="one more", address="203.0.113.9") == 0


def test_guessing_from_many_machines_is_held_back_but_not_where_the_person_always_is() -> None:
    assert attempt(PASSWORD, address=HERE).status_code == 302
    for number in range(OF_LOGIN.failures):
        assert begin_attempt(login="ada", address=f"203.0.113.{number}") == 0
    assert 0 < begin_attempt(login="ada", address="203.0.113.250") <= OF_LOGIN.seconds
    assert attempt(PASSWORD, address="203.0.113.251").status_code == 429
    assert attempt(PASSWORD, address=HERE).status_code == 302


def test_attempts_at_the_same_moment_are_counted_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a thousand guesses would pass while the first is still being looked at."""
    # The listeners would write by connections of their own.
    monkeypatch.setattr(sign_in_limits, "sign_in_limited", Signal())
    waits: list[int] = []
    threads = [
        threading.Thread(target=lambda: waits.append(begin_attempt(login="ada", address=HERE))) for _ in range(40)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert waits.count(0) == OF_LOGIN_FROM_ADDRESS.failures
    assert len(waits) == 40


def test_the_password_is_not_looked_at_while_somebody_has_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing takes long: an attacker must not be able to have it done for nothing."""
    guess(5)
    monkeypatch.setattr("kaireon.accounts.views.SignInForm.clean", lambda form: pytest.fail("it was looked at"))
    assert guess(2) == [429, 429]


def test_every_count_ends_by_itself() -> None:
    attempt(PASSWORD)
    guess(8)
    redis = redis_client()
    keys = redis.keys("signin:*")
    assert len(keys) == 4
    assert all(0 < redis.ttl(key) <= sign_in_limits.KNOWN_ADDRESS_SECONDS for key in keys)
    longest = max(redis.ttl(key) for key in keys if b":known:" not in key)
    assert longest <= OF_LOGIN.seconds


def test_what_was_typed_stands_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    """A password in the field of the login is typed every day."""
    with caplog.at_level("DEBUG"):
        guess(8, login="My-Secret-Passw0rd")
    redis = redis_client()
    assert "My-Secret" not in str(redis.keys("*"))
    assert "My-Secret" not in str([vars(record) for record in caplog.records])
    assert "My-Secret" not in str(list(Entry.objects.values()))


def test_it_is_audited_once_each_time() -> None:
    guess(9)
    [entry] = Entry.objects.filter(action="sign_in.limited")
    assert entry.subject == "user:ada"
    wait_seconds = entry.facts["waitSeconds"]
    assert OF_LOGIN_FROM_ADDRESS.seconds - 60 < wait_seconds <= OF_LOGIN_FROM_ADDRESS.seconds
    assert entry.facts == {"address": HERE, "waitSeconds": wait_seconds}
    guess(9, login="nobody", address="203.0.113.9")
    assert Entry.objects.get(action="sign_in.limited", subject="").facts["address"] == "203.0.113.9"


def test_where_redis_is_away_people_get_in(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def away() -> Any:
        raise RedisError

    monkeypatch.setattr(sign_in_limits, "redis_client", away)
    assert guess(8) == [200] * 8
    assert attempt(PASSWORD).status_code == 302
    assert "Redis is away" in caplog.text


@pytest.mark.parametrize("path", ["/login", "/admin/login/?next=/admin/"])
def test_the_admin_has_no_door_of_its_own(path: str) -> None:
    guess(5)
    answer = Client().post(path, {"username": "ada", "password": PASSWORD}, REMOTE_ADDR=HERE, follow=True)
    assert "sessionid" not in answer.client.cookies
    assert Client().get(path, REMOTE_ADDR=HERE, follow=True).status_code == 200


def test_blanks_and_capitals_make_no_second_count() -> None:
    guess(5, login=" ada ")
    assert guess(1) == [429]


@pytest.mark.parametrize(
    ("behind_proxy", "remote", "forwarded", "address"),
    [
        (False, "203.0.113.9", "", "203.0.113.9"),
        (False, "203.0.113.9", "10.0.0.1", "203.0.113.9"),
        (True, "10.0.0.2", "203.0.113.9", "203.0.113.9"),
        (True, "10.0.0.2", "1.1.1.1, 2.2.2.2,203.0.113.9", "203.0.113.9"),
        (True, "10.0.0.2", "1.1.1.1,", "10.0.0.2"),
        (True, "10.0.0.2", "", "10.0.0.2"),
        (True, "10.0.0.2", "nonsense", "unknown"),
        (True, "10.0.0.2", "1.1.1.1, <script>", "unknown"),
        (False, "2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::/64"),
        (False, "2001:db8:1:2::9", "", "2001:db8:1:2::/64"),
        (False, "::ffff:203.0.113.9", "", "203.0.113.9"),
        (False, "", "", "unknown"),
    ],
)
def test_the_address_is_what_cannot_be_made_up(
    settings: Settings, rf: Any, behind_proxy: bool, remote: str, forwarded: str, address: str
) -> None:
    from kaireon.accounts.client_address import client_address

    settings.BEHIND_PROXY = behind_proxy
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    assert client_address(rf.get("/", REMOTE_ADDR=remote, headers=headers)) == address


def test_behind_a_proxy_an_attacker_gains_nothing_by_a_header(settings: Settings) -> None:
    settings.BEHIND_PROXY = True
    headers: Callable[[int], dict[str, str]] = lambda number: {"X-Forwarded-For": f"10.9.8.{number}, {HERE}"}  # noqa: E731
    statuses = [attempt("wrong", address="10.0.0.2", **headers(number)).status_code for number in range(7)]
    assert statuses == [200] * 5 + [429] * 2


def test_the_count_of_a_success_is_taken_back() -> None:
    for _ in range(OF_LOGIN.failures + 10):
        assert begin_attempt(login="ada", address=HERE) == 0
        succeeded(login="ada", address=HERE)
    assert redis_client().get(f"signin:address:{HERE}") == b"0"
