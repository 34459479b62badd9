"""Every route that is not the API's, every method, every kind of user. (The API's table is in tests/api/test_roles.py.)

The routes come from the URL conf: one that stands in no table fails here, and so does a model whose admin pages nobody
has thought about.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from audit.models import Entry
from kaireon.accounts.models import User
from kaireon.accounts.users import create_user
from tests.accounts.quick_passwords import quick_passwords
from tests.api.routes import METHODS
from tests.attacks.routes import ADMIN_MODELS, ROUTES, UNSAFE, AnyRoute

__all__ = ["quick_passwords"]
pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


class Who(Enum):
    """The kinds of users, from nobody to the mightiest."""

    NOBODY = "nobody"
    VIEWER = "viewer"
    EDITOR = "editor"
    STAFF = "staff without permissions"
    AUDITOR = "staff who may view the audit log"
    ADMIN = "admin"


ALL, SIGNED_IN = set(Who), set(Who) - {Who.NOBODY}
STAFF, AUDITORS, ADMINS = {Who.STAFF, Who.AUDITOR, Who.ADMIN}, {Who.AUDITOR, Who.ADMIN}, {Who.ADMIN}

# Who is let in. A page of Studio (studio/…) is entered here, too.
PAGES: Mapping[str, set[Who]] = {
    "": ALL,
    "healthz": ALL,
    "readyz": ALL,
    "metrics": ALL,
    "login": ALL,
    "logout": ALL,
    "admin/": STAFF,
    "admin/(?P<url>.*)$": STAFF,
    # It wants to know the field that asks; none of ours does.
    "admin/autocomplete/": set(),
    "admin/jsi18n/": STAFF,
    "admin/login/": ALL,
    "admin/logout/": ALL,
    "admin/password_change/": STAFF,
    "admin/password_change/done/": STAFF,
    "admin/r/<path:content_type_id>/<path:object_id>/": STAFF,
    "admin/search/": STAFF,
    "admin/accounts/user/<id>/password/": ADMINS,
    "admin/audit/entry/export/<str:format_name>": AUDITORS,
}
APP_LIST = "admin/^(?P<app_label>"
# What an admin may do to the rows of a model in Django admin, apart from looking at them. Nobody else may do anything.
MODELS: Mapping[str, set[str]] = {
    "accounts/apikey": {"add"},
    "accounts/user": {"add", "change"},
    "audit/entry": set(),
    "customers/record": set(),
    "customers/schema": set(),
    "customers/segment": set(),
    "decisioning/channel": set(),
    "decisioning/decisionflow": set(),
    "decisioning/inboxmessage": set(),
    "decisioning/interaction": set(),
    "decisioning/offer": set(),
    "decisioning/outcometype": set(),
    "decisioning/recommendation": set(),
    "delivery/circuit": set(),
    "delivery/delivery": set(),
    "events/event": set(),
    "events/streamdeadletter": set(),
    "events/streamprogress": set(),
    "journeys/enrolment": set(),
    "journeys/journey": set(),
    "secrets/secret": {"add", "change", "delete"},
    "triggers/firing": set(),
    "triggers/trigger": {"add", "change", "delete"},
}
_OBJECT = "<path:object_id>/"
# The pages of each model, and what one must be able to do there. Two of them lead all staff on to another page where
# there is no such row, which is so here: Django looks for the row first.
MODEL_PAGES = {"": "view", "add/": "add", _OBJECT: "nothing", f"{_OBJECT}change/": "change",
               f"{_OBJECT}delete/": "delete", f"{_OBJECT}history/": "nothing"}  # fmt: skip
PAGES_OF_MODELS = {f"admin/{model}/{page}": (model, need) for model in MODELS for page, need in MODEL_PAGES.items()}
# Those of Studio have their own tables, in tests/studio/test_roles.py.
OTHERS = [route for route in ROUTES if not route.is_api and not route.pattern.startswith("studio/")]
CALLS = [(route, method, who) for route in OTHERS for method in METHODS for who in Who]
FORM = "application/x-www-form-urlencoded"
WRITES = [(route, method, kind) for route in ROUTES for method in UNSAFE for kind in (FORM, "application/json")]
# They lead to each other, whoever comes.
DOORS = {"login", "logout", "admin/login/", "admin/logout/"}
# There are more as pages are added.
CASES_AT_LEAST = {
    "test_a_user_gets_where_the_tables_say_and_nowhere_else": 4000,
    "test_no_write_by_a_session_passes_without_its_csrf_token": 1500,
}


@pytest.fixture
def clients(quick_passwords: None) -> dict[Who, Client]:
    """One for each kind, signed in."""
    found = {who: Client(raise_request_exception=False) for who in Who}
    for who in SIGNED_IN:
        role = who.value if who in {Who.VIEWER, Who.EDITOR, Who.ADMIN} else "viewer"
        user = create_user(login=who.name.lower(), role=role, password=PASSWORD)
        if who in {Who.STAFF, Who.AUDITOR}:
            User.objects.filter(pk=user.pk).update(is_staff=True)
        if who is Who.AUDITOR:
            user.user_permissions.add(Permission.objects.get(codename="view_entry"))
        found[who].force_login(User.objects.get(pk=user.pk))
    return found


def test_every_route_stands_in_a_table() -> None:
    expected = {*PAGES, *PAGES_OF_MODELS}
    found = {route.pattern for route in OTHERS if not route.pattern.startswith(APP_LIST)}
    assert found == expected
    assert set(MODELS) == ADMIN_MODELS
    assert len(CALLS) >= CASES_AT_LEAST["test_a_user_gets_where_the_tables_say_and_nowhere_else"]
    assert len(WRITES) >= CASES_AT_LEAST["test_no_write_by_a_session_passes_without_its_csrf_token"]


def is_let_in(route: AnyRoute, method: str, who: Who) -> bool:
    if route.pattern.startswith(APP_LIST):
        return who in STAFF
    if route.pattern in PAGES:
        return who in PAGES[route.pattern]
    model, need = PAGES_OF_MODELS[route.pattern]
    if need == "nothing":
        return who in STAFF
    looks = need == "view" or (need == "change" and method != "POST")
    if who is Who.ADMIN:
        return looks or need in MODELS[model]
    return who is Who.AUDITOR and model == "audit/entry" and looks


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_user_gets_where_the_tables_say_and_nowhere_else(clients: dict[Who, Client]) -> None:
    before, entries = accounts(), Entry.objects.count()
    astray = []
    for route, method, who in CALLS:
        answer = send(clients[who], method, route, "a=1")
        if route.pattern in {"logout", "admin/logout/"} and who is not Who.NOBODY:
            clients[who].force_login(User.objects.get(username=who.name.lower()))
        if answer.status_code == 405:
            continue
        leads_to_sign_in = answer.status_code == 302 and "login" in answer.headers["Location"]
        turned_away = answer.status_code == 403 or leads_to_sign_in
        is_wrong = route.pattern not in DOORS and turned_away is is_let_in(route, method, who)
        if is_wrong or (answer.status_code >= 500 and route.pattern != "readyz"):
            astray.append((method, route.path(), who, answer.status_code))
    assert astray == []
    assert accounts() == before
    assert Entry.objects.count() == entries


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_no_write_by_a_session_passes_without_its_csrf_token(clients: dict[Who, Client]) -> None:
    """A foreign page can have a browser send a request with its cookies; it can't know the token."""
    strict = Client(enforce_csrf_checks=True, raise_request_exception=False)
    strict.cookies = clients[Who.ADMIN].cookies
    entries = Entry.objects.count()
    passed = []
    for route, method, content_type in WRITES:
        answer = send(strict, method, route, "{}" if "json" in content_type else "a=1", content_type)
        # A method that a route lacks changes nothing by itself.
        if answer.status_code not in {403, 405}:
            passed.append((method, route.path(), content_type, answer.status_code))
    assert passed == []
    assert Entry.objects.count() == entries


def send(client: Client, method: str, route: AnyRoute, body: str, content_type: str = FORM) -> Any:
    return client.generic(method, route.path(), body, content_type=content_type)


def accounts() -> list[Any]:
    """What nobody may have changed."""
    return list(User.objects.order_by("pk").values("pk", "password", "role", "is_staff", "is_superuser", "is_active"))
