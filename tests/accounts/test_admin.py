"""Users and API keys in Django admin."""

import hashlib
import re

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from audit.models import Entry
from kaireon.accounts.keys import create_key
from kaireon.accounts.models import ApiKey, User
from kaireon.accounts.users import create_user

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
KEYS = "/admin/accounts/apikey/"
USERS = "/admin/accounts/user/"


@pytest.fixture
def ada() -> Client:
    """An admin's browser."""
    client = Client()
    client.force_login(create_user(login="ada", role="admin", password=PASSWORD))
    return client


def test_a_new_key_is_shown_once(ada: Client) -> None:
    response = ada.post(f"{KEYS}add/", {"name": "shop", "role": "ingest"})
    assert response.headers["Location"] == KEYS
    page = ada.get(KEYS).content.decode()
    [plain] = re.findall(r"<code><strong>(krn_[\w-]{43})</strong></code>", page)
    key = ApiKey.objects.get()
    assert (key.name, key.role, key.key_hash) == ("shop", "ingest", hashlib.sha256(plain.encode()).hexdigest())
    assert plain not in ada.get(KEYS).content.decode()
    entry = Entry.objects.get(action="key.created")
    assert (entry.subject, entry.actor) == (key.id, "user:ada")


def test_keys_are_revoked_from_the_list_and_recorded(ada: Client) -> None:
    one, two, three = (create_key(name=f"key {number}", role="viewer")[0] for number in range(3))
    chosen = {"action": "revoke", "_selected_action": [one.id, two.id]}
    ada.post(KEYS, chosen)
    ada.post(KEYS, chosen)
    assert set(ApiKey.objects.exclude(revoked_at=None)) == {one, two}
    assert list(Entry.objects.filter(action="key.revoked").values_list("actor", flat=True)) == ["user:ada"] * 2
    page = ada.get(f"{KEYS}?state=revoked").content.decode()
    assert one.name in page
    assert three.name not in page


def test_a_key_can_be_looked_at_but_not_changed_or_deleted(ada: Client) -> None:
    key, plain = create_key(name="shop", role="viewer")
    page = ada.get(f"{KEYS}{key.id}/change/").content.decode()
    assert key.id in page
    assert plain not in page
    assert key.key_hash not in page
    assert ada.post(f"{KEYS}{key.id}/change/", {"name": "other", "role": "admin"}).status_code == 403
    assert ada.post(f"{KEYS}{key.id}/delete/", {"post": "yes"}).status_code == 403
    ada.post(KEYS, {"action": "delete_selected", "_selected_action": [key.id], "post": "yes"})
    assert ApiKey.objects.get().role == "viewer"


def test_a_user_is_created_changed_and_never_deleted(ada: Client) -> None:
    ada.post(
        f"{USERS}add/",
        {"username": "ed", "role": "editor", "usable_password": "true", "password1": PASSWORD, "password2": PASSWORD},
    )
    ed = User.objects.get(username="ed")
    assert (ed.role, ed.is_staff, ed.check_password(PASSWORD)) == ("editor", False, True)

    form = {"username": "ed", "role": "viewer", "is_active": "on", "first_name": "", "last_name": "", "email": ""}
    assert ada.post(f"{USERS}{ed.pk}/change/", form).status_code == 302
    assert User.objects.get(pk=ed.pk).role == "viewer"

    new = "another long password"
    ada.post(f"{USERS}{ed.pk}/password/", {"usable_password": "true", "password1": new, "password2": new})
    assert User.objects.get(pk=ed.pk).check_password(new)

    assert ada.post(f"{USERS}{ed.pk}/delete/", {"post": "yes"}).status_code == 403
    assert list(Entry.objects.filter(subject="user:ed").order_by("id").values_list("action", "actor")) == [
        ("user.created", "user:ada"),
        ("user.role_changed", "user:ada"),
        ("user.password_changed", "user:ada"),
    ]


def test_an_auditor_is_made_by_a_permission_which_is_recorded(ada: Client) -> None:
    otto = create_user(login="otto", role="viewer", password=PASSWORD)
    view = Permission.objects.get(codename="view_entry")
    form = {
        "username": "otto", "role": "viewer", "is_active": "on", "is_staff": "on", "user_permissions": [str(view.pk)],
        "first_name": "", "last_name": "", "email": "",
    }  # fmt: skip
    assert ada.post(f"{USERS}{otto.pk}/change/", form).status_code == 302
    changed = Entry.objects.get(action="user.permissions_changed")
    assert changed.facts == {"permissions": {"before": [], "after": ["audit.view_entry"]}}

    auditor = Client()
    auditor.force_login(otto)
    assert auditor.get("/admin/audit/entry/").status_code == 200
    assert auditor.get(USERS).status_code == 403
    assert auditor.get(KEYS).status_code == 403


def test_permissions_that_lead_to_the_role_admin_can_not_be_given(ada: Client) -> None:
    otto = create_user(login="otto", role="viewer", password=PASSWORD)
    change = Permission.objects.get(codename="change_user")
    page = ada.get(f"{USERS}{otto.pk}/change/").content.decode()
    assert f'value="{change.pk}"' not in page
    otto.is_staff = True
    otto.save()
    otto.user_permissions.set(Permission.objects.filter(content_type__app_label="accounts"))
    staff = Client()
    staff.force_login(User.objects.get(pk=otto.pk))
    assert staff.get(USERS).status_code == 403
    assert staff.post(f"{KEYS}add/", {"name": "mine", "role": "admin"}).status_code == 403
    assert not ApiKey.objects.exists()
