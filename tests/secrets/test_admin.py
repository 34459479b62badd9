"""Secrets in Django admin."""

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from pytest_django import Settings

from audit.models import Entry
from kaireon.accounts.models import User
from kaireon.accounts.roles import Role
from kaireon.secrets import vault
from kaireon.secrets.models import Secret

pytestmark = pytest.mark.django_db
LIST = "/admin/secrets/secret/"


@pytest.fixture
def signed_in(client: Client) -> Client:
    """A browser in which Ada, an admin, has signed in."""
    client.force_login(User.objects.create_user("ada", role=Role.ADMIN))
    return client


def everything_logged() -> str:
    return str([list(model.objects.values()) for model in (LogEntry, Entry)])


def test_a_secret_is_added_changed_and_deleted_by_the_vault(signed_in: Client) -> None:
    assert signed_in.post(f"{LIST}add/", {"name": "token", "value": " s3cret-1 "}).status_code == 302
    assert vault.values(["token"]).values == {"token": " s3cret-1 "}
    assert signed_in.post(f"{LIST}token/change/", {"value": "s3cret-2"}).status_code == 302
    assert vault.values(["token"]).values == {"token": "s3cret-2"}
    assert signed_in.post(f"{LIST}token/delete/", {"post": "yes"}).status_code == 302
    assert not Secret.objects.exists()
    entries = Entry.objects.filter(action__startswith="secret.").order_by("pk")
    assert list(entries.values_list("action", "actor", "facts__created")) == [
        ("secret.set", "user:ada", True),
        ("secret.set", "user:ada", False),
        ("secret.deleted", "user:ada", None),
    ]
    assert LogEntry.objects.count() == 3
    assert "s3cret" not in everything_logged()


def test_no_page_shows_a_value(signed_in: Client) -> None:
    vault.set_secret(name="token", value="s3cret")
    for path in (LIST, f"{LIST}token/change/", f"{LIST}token/delete/", f"{LIST}token/history/"):
        page = signed_in.get(path).content.decode()
        assert "token" in page
        assert "s3cret" not in page


def test_a_refused_value_is_not_shown_again(signed_in: Client) -> None:
    answer = signed_in.post(f"{LIST}add/", {"name": "not a name", "value": "s3cret"})
    page = answer.content.decode()
    assert "Must be 1 to 64 letters, digits and _ beginning with a letter." in page
    assert "s3cret" not in page
    assert not Secret.objects.exists()


def test_a_name_is_given_once_and_stays(signed_in: Client) -> None:
    vault.set_secret(name="token", value="one")
    signed_in.post(f"{LIST}add/", {"name": "token", "value": "two"})
    assert vault.values(["token"]).values == {"token": "one"}
    signed_in.post(f"{LIST}token/change/", {"name": "other", "value": "three"})
    assert list(Secret.objects.values_list("name", flat=True)) == ["token"]


def test_a_new_value_is_asked_for(signed_in: Client) -> None:
    vault.set_secret(name="token", value="one")
    assert signed_in.post(f"{LIST}token/change/", {"value": ""}).status_code == 200
    assert vault.values(["token"]).values == {"token": "one"}


def test_several_are_deleted_each_with_its_entry(signed_in: Client) -> None:
    for name in ("one", "two"):
        vault.set_secret(name=name, value="x")
    signed_in.post(LIST, {"action": "delete_selected", "_selected_action": ["one", "two"], "post": "yes"})
    assert not Secret.objects.exists()
    deleted = Entry.objects.filter(action="secret.deleted").order_by("pk")
    assert list(deleted.values_list("subject", flat=True)) == ["one", "two"]


def test_without_keys_the_form_says_so(signed_in: Client, settings: Settings) -> None:
    settings.SECRETS_KEYS = []
    answer = signed_in.post(f"{LIST}add/", {"name": "token", "value": "x"})
    assert answer.status_code == 200
    assert "KAIREON_SECRETS_KEYS is not set" in answer.content.decode()


def test_whoever_is_no_admin_does_not_get_in(client: Client) -> None:
    vault.set_secret(name="token", value="x")
    vic = User.objects.create_user("vic", role=Role.EDITOR, is_staff=True)
    client.force_login(vic)
    for path in (LIST, f"{LIST}add/", f"{LIST}token/change/"):
        assert client.get(path).status_code == 403
