"""`manage.py check --deploy`: each dangerous setting is named, with its id and what to do; good ones are left alone."""

import os
import subprocess
import sys
from typing import Any

import pytest
from django.core.checks import CheckMessage, run_checks
from pytest_django import Settings

from kaireon.health import checks
from tests.launch.running import PROJECT

GOOD: dict[str, Any] = {
    "SECRET_KEY": "0Vb3mQ9xZk7Lr2Tn8Ws4Yd6Hf1Gj5Pc-Ua_EiBu9Ox3Rq",
    "SECRETS_KEYS": ["V2hhdGV2ZXItdGhpcy1pcy1pdC1oYXMtMzItYnl0ZXM="],
    "INSECURE_HTTP": False,
    "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https"),
    "ALLOWED_HOSTS": ["kaireon.example.com", "localhost"],
    "RATE_LIMIT_PER_MINUTE": 60_000,
    "WEBHOOK_ALLOWED_NETWORKS": ["10.0.0.0/8", "192.168.7.0/24", "fd00:1::/32"],
    "REDIS_URL": "redis://:password@redis.example.com:6379/0",
    "EMAIL_HOST": "mail.example.com",
}


def database(host: str, **options: str) -> dict[str, dict[str, Any]]:
    return {"default": {"ENGINE": "django.db.backends.postgresql", "HOST": host, "OPTIONS": options}}


def found(**changes: Any) -> list[CheckMessage]:
    """What our own checks say about good settings with these changes."""
    stand_in = type("StandIn", (), {**GOOD, "DATABASES": database("db.example.com", sslmode="verify-full"), **changes})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checks, "settings", stand_in)
        patch.setattr("kaireon.delivery.addresses.settings", stand_in)
        return [message for check in checks.DEPLOYMENT_CHECKS for message in check(None)]


def test_nothing_is_said_about_good_settings() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("changes", "id", "word"),
    [
        ({"SECRET_KEY": "insecure-for-development-alone"}, "kaireon.E001", "SECRET_KEY"),
        (
            {"SECRETS_KEYS": ["V2hhdGV2ZXI=", "Y2hlY2tzLW9ubHktMFZiM21ROXhaazdMcjJUbjhXczQ="]},
            "kaireon.E001",
            "KAIREON_SECRETS_KEYS",
        ),
        ({"INSECURE_HTTP": True}, "kaireon.W001", "KAIREON_INSECURE_HTTP"),
        ({"SECURE_PROXY_SSL_HEADER": None}, "kaireon.W002", "KAIREON_BEHIND_PROXY"),
        ({"ALLOWED_HOSTS": ["*"]}, "kaireon.W003", "KAIREON_ALLOWED_HOSTS"),
        ({"ALLOWED_HOSTS": ["localhost", "127.0.0.1", "[::1]"]}, "kaireon.W004", "KAIREON_ALLOWED_HOSTS"),
        ({"RATE_LIMIT_PER_MINUTE": 0}, "kaireon.W005", "KAIREON_RATE_LIMIT_PER_MINUTE"),
        ({"WEBHOOK_ALLOWED_NETWORKS": ["0.0.0.0/0"]}, "kaireon.W006", "0.0.0.0/0"),
        ({"WEBHOOK_ALLOWED_NETWORKS": ["64.0.0.0/2"]}, "kaireon.W006", "wider than any private network"),
        ({"WEBHOOK_ALLOWED_NETWORKS": ["::/0"]}, "kaireon.W006", "::/0"),
        ({"WEBHOOK_ALLOWED_NETWORKS": ["169.254.0.0/16"]}, "kaireon.W006", "credentials"),
        ({"WEBHOOK_ALLOWED_NETWORKS": ["127.0.0.0/8"]}, "kaireon.W006", "own machine"),
        ({"REDIS_URL": "redis://redis.example.com:6379/0"}, "kaireon.W007", "REDIS_URL"),
        ({"DATABASES": database("db.example.com")}, "kaireon.W008", "DATABASE_URL"),
        ({"DATABASES": database("10.1.2.3", sslmode="prefer")}, "kaireon.W008", "DATABASE_URL"),
        ({"EMAIL_HOST": ""}, "kaireon.I001", "KAIREON_EMAIL_HOST"),
    ],
)
def test_a_dangerous_setting_is_named_with_what_to_do(changes: dict[str, Any], id: str, word: str) -> None:
    (message,) = found(**changes)
    assert message.id == id
    assert word in message.msg
    assert message.hint
    assert f"`{id}`" in (PROJECT / "docs" / "operating.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "changes",
    [
        {"REDIS_URL": "redis://localhost:6379/0"},
        {"REDIS_URL": "unix:///run/redis.sock?db=0"},
        {"DATABASES": database("/run/postgresql")},
        {"DATABASES": database("")},
        {"DATABASES": database("postgres")},
        {"WEBHOOK_ALLOWED_NETWORKS": []},
        {"WEBHOOK_ALLOWED_NETWORKS": ["not a network"]},  # delivery.E001 says so
    ],
)
def test_what_is_safe_enough_is_left_alone(changes: dict[str, Any]) -> None:
    assert found(**changes) == []


@pytest.mark.parametrize(
    "changes", [{"EMAIL_TOTAL_SECONDS": 60.0}, {"DELIVERY_TOTAL_SECONDS": 0.0}, {"DELIVERY_TOTAL_SECONDS": -20.0}]
)
def test_a_lease_that_ends_before_its_attempt_is_refused(settings: Settings, changes: dict[str, float]) -> None:
    assert "delivery.E004" not in {message.id for message in run_checks()}
    for name, value in changes.items():
        setattr(settings, name, value)
    assert "delivery.E004" in {message.id for message in run_checks()}


def deploy_check(**environment: str) -> str:
    """What `manage.py check --deploy` says in a process of its own."""
    result = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy"],
        cwd=PROJECT,
        env={**os.environ, "DEBUG": "0", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return result.stdout + result.stderr


@pytest.mark.slow
def test_check_deploy_runs_ours_and_djangos_own() -> None:
    said = deploy_check(DEBUG="1", SECRET_KEY="build-only", KAIREON_INSECURE_HTTP="1", KAIREON_SECRETS_KEYS="")
    for id in ("security.W018", "security.W009", "security.W008", "kaireon.E001", "kaireon.W001", "secrets.W001"):
        assert f"({id})" in said, id


def test_without_deploy_a_developers_machine_is_left_alone() -> None:
    assert not [message for message in run_checks() if str(message.id).startswith("kaireon.")]
