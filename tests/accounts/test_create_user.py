"""`manage.py create_user`."""

import io

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command

from kaireon.accounts.models import User

pytestmark = pytest.mark.django_db


def test_the_last_line_is_a_password_that_signs_in() -> None:
    output = io.StringIO()
    call_command("create_user", role="admin", login="ada", stdout=output)
    password = output.getvalue().splitlines()[-1]
    user = authenticate(username="ada", password=password)
    assert isinstance(user, User)
    assert (user.role, user.is_staff, user.is_superuser) == ("admin", True, True)


def test_a_password_is_taken_from_standard_input_and_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(" correct horse battery \nmore\n"))
    output = io.StringIO()
    call_command("create_user", role="viewer", login="vic", password_stdin=True, stdout=output)
    assert output.getvalue() == "User vic with the role viewer signs in at /login.\n"
    assert authenticate(username="vic", password=" correct horse battery ") == User.objects.get(role="viewer")


@pytest.mark.parametrize(
    ("login", "password", "problem"),
    [
        ("ada", "correct horse battery", "already exists"),
        ("a da", "correct horse battery", "Enter a valid username"),
        ("", "correct horse battery", "cannot be blank"),
        ("vic", "short", "too short"),
        ("vic", "", "too short"),
        ("victoria.w", "victoria.w1", "too similar"),
    ],
)
def test_what_will_not_do_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, login: str, password: str, problem: str
) -> None:
    call_command("create_user", role="admin", login="ada", stdout=io.StringIO())
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
    with pytest.raises(CommandError, match=problem):
        call_command("create_user", role="viewer", login=login, password_stdin=True, stdout=io.StringIO())
    assert User.objects.count() == 1


def test_people_do_not_get_the_role_of_a_machine() -> None:
    with pytest.raises(CommandError, match="invalid choice: 'ingest'"):
        call_command("create_user", "--role=ingest", "--login=shop")
