"""What a browser can be made to do: keep a planted session, follow a link out of the house, show a page in a frame."""

from itertools import product
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.test import Client

from kaireon.accounts.models import User
from kaireon.accounts.users import create_user
from tests.accounts.quick_passwords import quick_passwords

__all__ = ["quick_passwords"]
pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
FOREIGN = "evil.example"

# Where a browser would leave the house, if it were sent there.
ELSEWHERE = [
    *(f"{scheme}{FOREIGN}/" for scheme in (
        "https://", "http://", "HTTPS://", "//", "///", "////", "https:", "https:/", "https:///", "/\\", "\\/", "\\\\",
        "/\\/", "\\", "/\t/", "/\n/", "/\r\n/", "\t//", " //", "\x00//", "\x01//", "\x1f//", "//\t", "//\x00", "/ /",
        "/%09/", "/%5c", "ftp://", "https:\\\\", "https:/\\", "http:\\", "//testserver@", "https://testserver@",
        "https://testserver:x@", "https://testserver.", "//testserver\\@", "https://testserver\\.", "//[::1]@",
        "\u2028//", "\xa0//", "\ufeff//", "／／", "/／", "⁄⁄", "//evil.example\\@testserver/",
        "http://[::ffff:1.2.3.4]/",
    )),
    f"//{FOREIGN}", f"https:{FOREIGN}", f"//{FOREIGN}%2f@testserver", f"https://{FOREIGN}#testserver",
    f"https://{FOREIGN}?testserver", f"//{FOREIGN}:80/", f"//testserver.{FOREIGN}", "//１２７.０.０.１/",
    "//2130706433/",
    "javascript:alert(1)", "JavaScript:alert(1)", "java\tscript:alert(1)", "java\nscript:alert(1)",
    " javascript:alert(1)",
    "\x01javascript:alert(1)", "javascript://testserver/%0aalert(1)", "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)", "file:///etc/passwd", "view-source:https://testserver/", "about:blank", "mailto:a@b.c",
    "blob:https://testserver/x", "intent://x", "https://testserver:444@evil.example/", "http:evil.example",
    "https://", "//", "///", "http:///evil.example", "https://[::1", "https://%65vil.example/",
]  # fmt: skip
WAYS = ("signing in", "being signed in already", "the admin's old door")
REDIRECTS = list(product(ELSEWHERE, WAYS))
CASES = {"test_no_redirect_leads_out_of_the_house": len(REDIRECTS)}
PAGES = ("/login", "/admin/", "/admin/audit/entry/", "/api/v1/docs", "/api/v1/openapi.json", "/api/v1/triggers",
         "/nothing/here", "/api/v1/nothing", "/healthz")  # fmt: skip


@pytest.fixture(autouse=True)
def ada(quick_passwords: None) -> User:
    """An admin."""
    return create_user(login="ada", role="admin", password=PASSWORD)


def sign_in(client: Client, **more: str) -> Any:
    answer = client.post("/login", {"username": "ada", "password": PASSWORD, **more})
    assert answer.status_code == 302
    return answer


@pytest.mark.slow
def test_no_redirect_leads_out_of_the_house(ada: User) -> None:
    for elsewhere, way in REDIRECTS:
        client = Client()
        if way == "signing in":
            location = sign_in(client, next=elsewhere).headers["Location"]
        else:
            if way == "being signed in already":
                client.force_login(ada)
            path = "/admin/login/" if way == "the admin's old door" else "/login"
            location = client.get(path, {"next": elsewhere}).headers["Location"]
        if way == "the admin's old door":
            # The way goes on by the sign-in page, which asks again where it leads to.
            assert location.startswith("/login?next=")
            location = sign_in(client, next=elsewhere).headers["Location"]
        assert leads_home(location), (elsewhere, way, location)


def leads_home(location: str) -> bool:
    """As the most lenient browser reads it: blanks and control characters gone, backslashes as slashes."""
    read = "".join(character for character in location if ord(character) > 32 and character.isprintable())
    found = urlsplit(urljoin("https://testserver/login", read.replace("\\", "/")))
    return (found.scheme, found.netloc) == ("https", "testserver")


def test_signing_in_gives_a_session_a_new_id() -> None:
    """Else somebody who planted a session id in a browser would be signed in with it."""
    planted = SessionStore()
    planted["planted"] = True
    planted.save()
    client = Client()
    planted_id = str(planted.session_key)
    client.cookies["sessionid"] = planted_id
    sign_in(client)
    assert client.cookies["sessionid"].value != planted_id
    assert not Session.objects.filter(session_key=planted_id).exists()
    stranger = Client()
    stranger.cookies["sessionid"] = planted_id
    assert stranger.get("/admin/").status_code == 302


@pytest.mark.parametrize("made_up", ["x" * 32, "../../etc/passwd", "a" * 5000, "", "'; DROP TABLE django_session; --"])
def test_a_session_id_that_was_made_up_is_not_taken(made_up: str) -> None:
    client = Client()
    client.cookies["sessionid"] = made_up
    sign_in(client)
    assert client.cookies["sessionid"].value != made_up


def test_a_session_of_another_user_is_not_gone_on_with() -> None:
    create_user(login="bob", role="viewer", password=PASSWORD)
    client = Client()
    sign_in(client)
    first = client.cookies["sessionid"].value
    client.post("/logout")
    client.post("/login", {"username": "bob", "password": PASSWORD})
    assert client.cookies["sessionid"].value != first
    assert not Session.objects.filter(session_key=first).exists()


def test_a_changed_password_and_a_deactivated_user_end_all_sessions(ada: User) -> None:
    client, other = Client(), Client()
    sign_in(client)
    sign_in(other)
    ada.set_password("another correct horse")
    ada.save()
    assert [each.get("/admin/").status_code for each in (client, other)] == [302, 302]
    third = Client()
    third.force_login(ada)
    User.objects.filter(pk=ada.pk).update(is_active=False)
    assert third.get("/admin/").status_code == 302
    assert third.get("/api/v1/triggers").status_code == 401


def test_signing_out_ends_the_session_on_our_side() -> None:
    client = Client()
    sign_in(client)
    kept = client.cookies["sessionid"].value
    client.post("/logout")
    thief = Client()
    thief.cookies["sessionid"] = kept
    assert thief.get("/admin/").status_code == 302


def test_the_csrf_token_changes_with_the_session() -> None:
    client = Client()
    client.get("/login")
    before = client.cookies["csrftoken"].value
    sign_in(client)
    assert client.cookies["csrftoken"].value != before


def test_cookies_are_out_of_reach() -> None:
    client = Client()
    client.get("/login")
    sign_in(client)
    session = client.cookies["sessionid"]
    assert session["httponly"]
    assert session["samesite"] == "Lax"
    assert client.cookies["csrftoken"]["samesite"] == "Lax"


@pytest.mark.parametrize("path", PAGES)
def test_no_answer_is_framed_sniffed_or_told_to_others(client: Client, path: str) -> None:
    client.post("/login", {"username": "ada", "password": PASSWORD})
    answer: Any = client.get(path)
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("path", ["/admin/", "/admin/accounts/apikey/", "/login", "/api/v1/secrets", "/api/v1/keys"])
def test_what_is_meant_for_one_is_kept_by_no_cache(client: Client, path: str) -> None:
    client.force_login(User.objects.get())
    assert {"no-store", "private"} & set(client.get(path, follow=True).headers["Cache-Control"].split(", "))


def test_a_foreign_host_is_not_believed(client: Client) -> None:
    for host in (FOREIGN, "testserver.evil.example", "evil.example:80", "testserver@evil.example", "[::1", "a b"):
        assert client.get("/login", headers={"host": host}).status_code == 400
        forwarded = client.get("/admin/", headers={"x-forwarded-host": host})
        assert FOREIGN not in forwarded.headers["Location"]
