"""The sign-in page, signing out, and who gets into Django admin."""

import pytest
from django.test import Client

from kaireon.accounts.models import User
from kaireon.accounts.users import create_user

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
REFUSAL = "No user has this login and password. Mind that capitals count."


@pytest.fixture
def ada() -> User:
    """An admin."""
    return create_user(login="ada", role="admin", password=PASSWORD)


@pytest.fixture
def vic() -> User:
    """A viewer."""
    return create_user(login="vic", role="viewer", password=PASSWORD)


def sign_in(client: Client, login: str, password: str, **query: str) -> str:
    """Where signing in leads to; the empty text if it did not succeed."""
    response = client.post("/login", {"username": login, "password": password, **query})
    return str(response.headers.get("Location", ""))


def test_the_form_says_what_goes_where(client: Client) -> None:
    page = client.get("/login").content.decode()
    assert '<label class="field__label" for="id_username">Login</label>' in page
    assert '<label class="field__label" for="id_password">Password</label>' in page
    assert 'autocomplete="username"' in page
    assert 'autocomplete="current-password"' in page
    assert 'name="viewport"' in page
    assert "http://" not in page
    assert "https://" not in page


def test_everybody_goes_to_studio(client: Client, ada: User, vic: User) -> None:
    assert sign_in(client, "ada", PASSWORD) == "/studio/"
    assert sign_in(Client(), "vic", PASSWORD) == "/studio/"


def test_whoever_was_on_the_way_somewhere_gets_there(client: Client, ada: User) -> None:
    assert sign_in(client, "ada", PASSWORD, next="/admin/audit/entry/") == "/admin/audit/entry/"


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "\\\\evil.example"]
)
def test_nobody_is_led_out_of_the_house(client: Client, ada: User, elsewhere: str) -> None:
    assert sign_in(client, "ada", PASSWORD, next=elsewhere) == "/studio/"


def test_one_answer_for_a_wrong_login_a_wrong_password_and_an_inactive_user(ada: User, vic: User) -> None:
    vic.is_active = False
    vic.save()
    for login, password in (
        ("ada", "wrong"),
        ("nobody", PASSWORD),
        ("vic", PASSWORD),
        ("Ada", PASSWORD),
        ("a" * 9000, "b" * 9000),
    ):
        client = Client()
        page = client.post("/login", {"username": login, "password": password}).content.decode()
        assert REFUSAL.replace("'", "&#x27;") in page
        assert 'role="alert"' in page
        assert "sessionid" not in client.cookies


@pytest.mark.parametrize(
    ("login", "problem"),
    [("", "Enter your login."), ("a\x00b", "Null characters are not allowed.")],
)
def test_a_login_that_can_be_none_is_told_at_its_field(client: Client, login: str, problem: str) -> None:
    page = client.post("/login", {"username": login, "password": PASSWORD}).content.decode()
    assert problem in page
    assert 'aria-invalid="true"' in page
    assert 'aria-describedby="id_username_error"' in page
    assert 'id="id_username_error"' in page


def test_a_form_without_a_csrf_token_is_refused_with_a_page(ada: User) -> None:
    client = Client(enforce_csrf_checks=True)
    response = client.post("/login", {"username": "ada", "password": PASSWORD})
    assert response.status_code == 403
    assert "This form has grown old" in response.content.decode()


def test_who_is_signed_in_already_is_sent_on(client: Client, ada: User) -> None:
    client.force_login(ada)
    assert client.get("/login").headers["Location"] == "/studio/"


def test_signing_out_takes_a_post(client: Client, ada: User) -> None:
    client.force_login(ada)
    assert client.get("/logout").status_code == 405
    assert client.get("/admin/").status_code == 200
    assert client.post("/logout").headers["Location"] == "/login"
    assert client.get("/admin/").status_code == 302


def test_the_admin_has_no_sign_in_page_of_its_own(client: Client, ada: User, vic: User) -> None:
    first = client.get("/admin/audit/entry/")
    second = client.get(first.headers["Location"])
    assert second.headers["Location"] == "/login?next=/admin/audit/entry/"
    client.force_login(ada)
    assert client.get("/admin/login/").headers["Location"] == "/admin/"


def test_the_admin_tells_a_viewer_why_not(client: Client, vic: User) -> None:
    client.force_login(vic)
    page = client.get("/admin/", follow=True)
    assert page.status_code == 403
    assert "Django admin is for staff." in page.content.decode()
    assert "Sign out" in page.content.decode()


def test_an_unknown_page_is_told_in_the_house_look(client: Client) -> None:
    page = client.get("/nothing/here")
    assert page.status_code == 404
    assert "There is no such page" in page.content.decode()
