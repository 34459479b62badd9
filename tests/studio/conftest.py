"""People who are signed in to Studio."""

from collections.abc import Callable

import pytest
from django.test import Client

from kaireon.accounts.models import User
from kaireon.accounts.roles import Role


@pytest.fixture
def signed_in(db: None) -> Callable[[str], Client]:
    """A client whose session is that of a new user with the given role."""

    def build(role: str) -> Client:
        client = Client()
        client.force_login(User.objects.create_user(username=f"{role}-of-tests", role=role))
        return client

    return build


@pytest.fixture
def as_admin(signed_in: Callable[[str], Client]) -> Client:
    """Looks at Studio as an admin."""
    return signed_in(Role.ADMIN)


@pytest.fixture
def as_editor(signed_in: Callable[[str], Client]) -> Client:
    """Looks at Studio as an editor."""
    return signed_in(Role.EDITOR)


@pytest.fixture
def as_viewer(signed_in: Callable[[str], Client]) -> Client:
    """Looks at Studio as a viewer."""
    return signed_in(Role.VIEWER)
