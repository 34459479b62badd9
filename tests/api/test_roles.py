"""Who may call what: every route, every method, every role. A route that is not in the table fails here."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from rest_framework.test import APIClient

from audit.models import Entry
from kaireon.accounts.roles import Role
from tests.api.answers import refusal
from tests.api.routes import CALLS, HERE, Route, name_of

pytestmark = pytest.mark.django_db

READERS = {Role.VIEWER, Role.EDITOR, Role.ADMIN}
WRITERS = {Role.EDITOR, Role.ADMIN}
SENDERS = {Role.INGEST, Role.EDITOR, Role.ADMIN}
ADMINS = {Role.ADMIN}
ALL = set(Role)
COLLECTION = {"GET": READERS, "POST": WRITERS}
ITEM = {"GET": READERS, "PUT": WRITERS, "PATCH": WRITERS, "DELETE": ADMINS}

TABLE: Mapping[str, Mapping[str, set[Role]]] = {
    "audit": {"GET": ADMINS},
    "audit/<str:entry_id>": {"GET": ADMINS},
    "audit/export": {"GET": ADMINS},
    "audit/verify": {"GET": ADMINS},
    "channels": COLLECTION,
    "channels/<str:channel_id>": ITEM,
    "customers/<path:customer_id>/erase": {"POST": ADMINS},
    "customers/<path:customer_id>/messages": {"GET": READERS},
    "decision-flows": COLLECTION,
    "decision-flows/<str:flow_id>": ITEM,
    "deliveries": {"GET": READERS},
    "deliveries/<str:delivery_id>": {"GET": READERS},
    "deliveries/<str:delivery_id>/redeliver": {"POST": WRITERS},
    "deliveries/hosts": {"GET": READERS},
    "docs": {"GET": ALL},
    "events": {"GET": READERS, "POST": SENDERS},
    "events/<str:event_id>": {"GET": READERS},
    "events/<str:event_id>/chain": {"GET": READERS},
    "events/<str:event_id>/replay": {"POST": WRITERS},
    "firings/<str:firing_id>/chain": {"GET": READERS},
    "journeys": COLLECTION,
    "journeys/<str:journey_id>": ITEM,
    "journeys/<str:journey_id>/enroll": {"POST": WRITERS},
    "journeys/<str:journey_id>/enrollments": {"GET": READERS},
    # A walk changes nothing.
    "journeys/<str:journey_id>/test": {"POST": READERS},
    "keys": {"GET": ADMINS, "POST": ADMINS},
    "keys/<str:key_id>": {"GET": ADMINS, "DELETE": ADMINS},
    "messages/<str:message_id>/read": {"POST": WRITERS},
    "offers": COLLECTION,
    "offers/<str:offer_id>": ITEM,
    "openapi.json": {"GET": ALL},
    "outcome-types": COLLECTION,
    "outcome-types/<str:key>": ITEM,
    "recommend": {"POST": WRITERS},
    "respond": {"POST": SENDERS},
    "schemas": COLLECTION,
    "schemas/<str:schema_id>": ITEM,
    "schemas/<str:schema_id>/data": {"GET": READERS, "POST": WRITERS},
    "schemas/<str:schema_id>/records/<path:customer_id>": {
        "GET": READERS, "PUT": WRITERS, "PATCH": WRITERS, "DELETE": ADMINS,
    },
    "secrets": {"GET": ADMINS, "POST": ADMINS},
    "secrets/<str:name>": {"PUT": ADMINS, "DELETE": ADMINS},
    "segments": COLLECTION,
    "segments/<str:segment_id>": ITEM,
    "segments/<str:segment_id>/members": {"GET": READERS},
    "signing-secret": {"GET": ADMINS},
    "signing-secret/rotate": {"POST": ADMINS},
    "stream-dead-letters": {"GET": READERS},
    "streams": {"GET": READERS},
    "triggers": COLLECTION,
    "triggers/<str:trigger_id>": ITEM,
    "triggers/<str:trigger_id>/firings": {"GET": READERS},
    # A dry run changes nothing.
    "triggers/<str:trigger_id>/test": {"POST": READERS},
}  # fmt: skip


def test_every_route_and_method_stands_in_the_table() -> None:
    found: dict[str, set[str]] = {}
    for route, method in CALLS:
        found.setdefault(route.pattern, set()).add(method)
    assert found == {pattern: set(methods) for pattern, methods in TABLE.items()}


@pytest.mark.slow
@pytest.mark.parametrize(("route", "method"), CALLS, ids=name_of)
@pytest.mark.parametrize("role", list(Role))
def test_a_role_may_what_the_table_says(
    api_client: Callable[[str], APIClient], route: Route, method: str, role: Role
) -> None:
    client = api_client(role)
    entries_before = Entry.objects.count()
    answer: Any = client.generic(method, route.path(HERE), "{}", content_type="application/json")
    if role in TABLE[route.pattern][method]:
        # Nothing is there, and {} is no body that a route takes: what matters is how far the caller gets.
        assert answer.status_code in {200, 400, 404}
    else:
        assert refusal(answer) == (403, "forbidden")
        assert Entry.objects.count() == entries_before


@pytest.mark.slow
@pytest.mark.parametrize(("route", "method"), CALLS, ids=name_of)
def test_a_role_is_asked_for_before_the_body_is_read(ingest_api: APIClient, route: Route, method: str) -> None:
    """Otherwise an answer would tell what exists, to one who may not know."""
    if Role.INGEST not in TABLE[route.pattern][method]:
        answer = ingest_api.generic(method, route.path("%20"), "{not json", content_type="text/plain")
        assert refusal(answer) == (403, "forbidden")
