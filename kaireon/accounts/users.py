"""Creating users."""

import secrets

from django.contrib.auth.password_validation import validate_password

from kaireon.accounts.models import User


def create_user(*, login: str, role: str, password: str) -> User:
    """A new user who signs in with `login` and `password`.

    Raises Django's ValidationError: the login is taken or has characters that it may not have, the role is none that
    people have, the password is too easy to guess.
    """
    user = User(username=login, role=role)
    validate_password(password, user)
    user.set_password(password)
    user.full_clean()
    user.save()
    return user


def new_password() -> str:
    """A random password of 120 bits."""
    return secrets.token_urlsafe(15)
