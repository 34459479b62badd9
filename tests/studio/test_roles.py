"""Who may see and do what in Studio: every route, both methods, every role."""

from collections.abc import Callable

import pytest
from django.conf import settings
from django.test import Client

from audit.models import Entry
from kaireon.accounts.models import User
from kaireon.accounts.roles import Role
from tests.studio.routes import CALLS, ROUTES, Route, name_of

pytestmark = pytest.mark.django_db

READERS = {Role.VIEWER, Role.EDITOR, Role.ADMIN}
WRITERS = {Role.EDITOR, Role.ADMIN}
ADMINS = {Role.ADMIN}
ROLES = sorted(READERS)

KINDS = ("channel", "decision-flow", "journey", "offer", "segment")

WRITING_PAGES = {
    *(f"studio-{kind}-{page}" for kind in KINDS for page in ("edit", "new")),
    "studio-deliveries-redeliver",
    "studio-events-replay",
    "studio-record-edit",
    "studio-record-new",
    "studio-trigger-edit",
    "studio-trigger-new",
    "studio-triggers-bulk",
}
"""Pages that are there to write with, and of no use to who may not."""

DELETING_PAGES = {
    *(f"studio-{kind}-delete" for kind in KINDS),
    "studio-record-delete",
    "studio-trigger-delete",
}

LOOKING_POSTS: set[str] = set()
"""POST because of what they are sent, not because of what they change."""


def allowed(route: Route, method: str) -> set[Role]:
    """Who may call `route`."""
    if route.name in DELETING_PAGES:
        return ADMINS
    if route.name in WRITING_PAGES:
        return WRITERS
    if method == "POST" and route.name not in LOOKING_POSTS:
        return WRITERS
    return READERS


def test_the_tables_name_pages_that_exist() -> None:
    assert {route.name for route in ROUTES} >= WRITING_PAGES | DELETING_PAGES | LOOKING_POSTS


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("route", "method"), CALLS, ids=name_of)
def test_each_role_may_do_what_the_tables_say(
    signed_in: Callable[[str], Client], route: Route, method: str, role: Role
) -> None:
    answer = signed_in(role).generic(method, route.path())
    if role in allowed(route, method):
        assert answer.status_code in {200, 302, 400, 404, 409}
    else:
        assert answer.status_code == 403
        assert not Entry.objects.exclude(action__startswith="user.").exists()


@pytest.mark.parametrize(("route", "method"), CALLS, ids=name_of)
def test_who_is_not_signed_in_is_led_to_the_sign_in_page_and_back(route: Route, method: str) -> None:
    if route.name == "studio":
        return
    answer = Client().generic(method, route.path())
    assert answer.status_code == 302
    assert answer["Location"] == f"/login?next={route.path()}"


@pytest.mark.parametrize("route", [route for route in ROUTES if "POST" in route.methods], ids=name_of)
def test_a_forged_form_without_the_token_is_refused_whoever_is_signed_in(route: Route) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_user(username="ada", role=Role.ADMIN))
    assert client.post(route.path()).status_code == 403


@pytest.mark.parametrize("route", [route for route in ROUTES if "GET" in route.methods], ids=name_of)
def test_each_page_forbids_scripts_and_styles_that_are_not_ours(as_admin: Client, route: Route) -> None:
    policy = as_admin.get(route.path())["Content-Security-Policy"]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == "'self'"
    assert directives["style-src"] == "'self'"
    assert "unsafe" not in policy
    assert settings.CONTENT_SECURITY_POLICY["EXCLUDE_URL_PREFIXES"] == ["/admin/", "/api/v1/docs"]


@pytest.mark.parametrize("odd", ["a%00b", "%ED%A0%80", "%F0%9F%92%A9" * 100, "..%2F..%2Fetc", "'\"><script>"])
@pytest.mark.parametrize("route", [route for route in ROUTES if route.parameters], ids=name_of)
def test_an_id_that_nothing_can_have_is_never_an_error_of_ours(as_admin: Client, route: Route, odd: str) -> None:
    path = route.path(dict.fromkeys(route.parameters, odd))
    for method in route.methods:
        assert as_admin.generic(method, path).status_code in {200, 302, 400, 404, 405}
