"""What tests everywhere may ask for."""

from collections.abc import Callable

import pytest
from django.db import connections
from django.test import TransactionTestCase
from pytest_django import DjangoDbBlocker
from rest_framework.test import APIClient

from kaireon.accounts.keys import create_key
from kaireon.accounts.roles import Role
from kaireon.core import counters
from kaireon.core.context import SYSTEM, set_actor, set_request_id
from kaireon.core.redis import redis_client
from tests.database import empty_tables

pytest_plugins = ["tests.delivery.mail_server", "tests.delivery.receiver", "tests.triggers.fixtures"]


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Tables are emptied between tests that commit. The audit log refuses that, as it should; not here."""
    # Private to Django, and the one place where what it does between two tests can be replaced.
    TransactionTestCase._fixture_teardown = empty_tables  # type: ignore[attr-defined]
    with django_db_blocker.unblock(), connections["default"].cursor() as cursor:
        cursor.execute("ALTER TABLE audit_entry DISABLE TRIGGER audit_entry_no_truncate")
        cursor.execute("ALTER TABLE audit_seal DISABLE TRIGGER audit_seal_no_truncate")


@pytest.fixture(autouse=True)
def _clean_slate(request: pytest.FixtureRequest) -> None:
    """Each test that touches the database begins with an empty Redis; nobody acts, and no request is in hand."""
    set_actor(SYSTEM)
    set_request_id("")
    if {"db", "transactional_db"} & set(request.fixturenames) or request.node.get_closest_marker("django_db"):
        counters.forget()
        redis_client().flushdb()


@pytest.fixture
def api_client(db: None) -> Callable[[str], APIClient]:
    """A client that carries a new key of the given role."""

    def build(role: str) -> APIClient:
        _, plain = create_key(name=f"tests, {role}", role=role)
        return APIClient(headers={"Authorization": f"Bearer {plain}"})

    return build


@pytest.fixture
def admin_api(api_client: Callable[[str], APIClient]) -> APIClient:
    """Calls the API as an admin."""
    return api_client(Role.ADMIN)


@pytest.fixture
def editor_api(api_client: Callable[[str], APIClient]) -> APIClient:
    """Calls the API as an editor."""
    return api_client(Role.EDITOR)


@pytest.fixture
def viewer_api(api_client: Callable[[str], APIClient]) -> APIClient:
    """Calls the API as a viewer."""
    return api_client(Role.VIEWER)


@pytest.fixture
def ingest_api(api_client: Callable[[str], APIClient]) -> APIClient:
    """Calls the API with a key that may only send events and outcomes."""
    return api_client(Role.INGEST)


@pytest.fixture
def anonymous_api() -> APIClient:
    """Calls the API without a key."""
    return APIClient()
