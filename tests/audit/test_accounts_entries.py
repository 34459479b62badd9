"""What happens to users and keys stands in the audit log."""

from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.core.management import call_command
from django.test import RequestFactory
from pytest_django import Settings
from rest_framework.test import APIClient

from audit.models import Entry
from kaireon.accounts.keys import create_key, revoke_key
from kaireon.accounts.models import ApiKey, User
from kaireon.accounts.roles import Role
from kaireon.accounts.users import create_user

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


def entries() -> list[tuple[str, str, dict[str, Any]]]:
    """Action, subject and facts of all entries, in the order they were written."""
    return list(Entry.objects.order_by("id").values_list("action", "subject", "facts"))


def test_a_key_is_recorded_when_it_comes_and_when_it_goes() -> None:
    key, plain = create_key(name="shop", role=Role.INGEST)
    revoke_key(key=key)
    revoke_key(key=key)
    facts = {"name": "shop", "role": "ingest", "prefix": plain[:10]}
    assert entries() == [("key.created", key.id, facts), ("key.revoked", key.id, facts)]


def test_a_key_by_api_is_recorded_with_who_did_it_and_in_which_request(admin_api: APIClient) -> None:
    admin = ApiKey.objects.get()
    response = admin_api.post("/api/v1/keys", {"name": "shop", "role": "ingest"}, format="json")
    admin_api.delete(f"/api/v1/keys/{response.json()['id']}", headers={"X-Request-Id": "given-by-caller"})
    created, revoked = Entry.objects.filter(subject=response.json()["id"]).order_by("id")
    assert (created.action, created.actor) == ("key.created", f"key:{admin.id} (tests, admin)")
    assert created.request_id == response["X-Request-Id"]
    assert (revoked.action, revoked.actor, revoked.request_id) == ("key.revoked", created.actor, "given-by-caller")
    assert response.json()["key"] not in str(list(Entry.objects.values()))


def test_a_new_user_is_recorded() -> None:
    create_user(login="ada", role=Role.ADMIN, password=PASSWORD)
    assert entries() == [
        ("user.created", "user:ada", {"login": "ada", "role": "admin", "isActive": True, "isStaff": True})
    ]


def test_a_changed_role_is_recorded_with_what_follows_from_it() -> None:
    user = create_user(login="ed", role=Role.EDITOR, password=PASSWORD)
    user.role = Role.ADMIN
    user.save()
    assert entries()[1:] == [
        (
            "user.role_changed",
            "user:ed",
            {"role": {"before": "editor", "after": "admin"}, "isStaff": {"before": False, "after": True}},
        )
    ]


def test_a_role_saved_alone_takes_its_flags_along() -> None:
    user = create_user(login="ed", role=Role.ADMIN, password=PASSWORD)
    user.role = Role.VIEWER
    user.save(update_fields=["role"])
    stored = User.objects.get(pk=user.pk)
    assert (stored.role, stored.is_superuser) == ("viewer", False)
    assert entries()[1:] == [("user.role_changed", "user:ed", {"role": {"before": "admin", "after": "viewer"}})]


def test_a_stale_copy_of_a_user_is_compared_with_what_is_stored() -> None:
    user = create_user(login="ed", role=Role.EDITOR, password=PASSWORD)
    stale = User.objects.get(pk=user.pk)
    user.role = Role.VIEWER
    user.save()
    stale.save()
    assert [facts.get("role") for _, _, facts in entries()[1:]] == [
        {"before": "editor", "after": "viewer"},
        {"before": "viewer", "after": "editor"},
    ]


def test_a_user_made_inactive_and_a_new_password_are_recorded() -> None:
    user = create_user(login="ed", role=Role.EDITOR, password=PASSWORD)
    user.is_active = False
    user.set_password("another long password")
    user.save()
    assert entries()[1:] == [
        ("user.updated", "user:ed", {"isActive": {"before": True, "after": False}}),
        ("user.password_changed", "user:ed", {}),
    ]


def test_a_change_that_nobody_asks_about_is_not_recorded() -> None:
    user = create_user(login="ed", role=Role.EDITOR, password=PASSWORD)
    user.first_name = "Ed"
    user.save()
    user.save(update_fields=["last_login"])
    assert len(entries()) == 1


def test_a_hash_made_stronger_at_sign_in_is_no_new_password(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    user = create_user(login="ed", role=Role.EDITOR, password=PASSWORD)
    weak = PBKDF2PasswordHasher().encode(PASSWORD, "salt" * 6, iterations=1)
    User.objects.filter(pk=user.pk).update(password=weak)
    assert authenticate(RequestFactory().post("/login"), username="ed", password=PASSWORD) == user
    assert User.objects.get(pk=user.pk).password != weak
    assert len(entries()) == 1


def test_djangos_own_command_makes_an_admin_and_is_recorded() -> None:
    call_command("createsuperuser", interactive=False, username="root", email="root@example.org")
    user = User.objects.get()
    assert (user.role, user.is_staff, user.is_superuser) == ("admin", True, True)
    assert [(action, facts["role"]) for action, _, facts in entries()] == [("user.created", "admin")]
