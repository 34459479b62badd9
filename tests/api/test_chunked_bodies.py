"""Bodies that come in chunks: their length is not known beforehand."""

import json
from io import BytesIO
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from pytest_django import Settings

from kaireon.accounts.keys import create_key
from kaireon.accounts.roles import Role
from kaireon.events.models import Event
from kaireon.wsgi import application

# The real application opens and closes its own connections.
pytestmark = pytest.mark.django_db(transaction=True)


def post(body: bytes, **environ: Any) -> tuple[int, dict[str, Any]]:
    """Posts an event as the web server hands it on; the status and the answer."""
    _, key = create_key(name="chunks", role=Role.INGEST)
    request: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/api/v1/events",
        "HTTP_HOST": "localhost",
        "HTTP_AUTHORIZATION": f"Bearer {key}",
        "CONTENT_TYPE": "application/json",
        "wsgi.input": BytesIO(body),
        "wsgi.input_terminated": True,
        **environ,
    }
    setup_testing_defaults(request)
    statuses: list[str] = []
    answer = application(request, lambda status, headers: statuses.append(status))
    return int(statuses[0][:3]), json.loads(b"".join(answer))


def test_a_body_in_chunks_is_read_to_its_end() -> None:
    status, answer = post(b'{"eventId": "evt_chunks", "eventType": "a"}', HTTP_TRANSFER_ENCODING="chunked")
    assert (status, answer["accepted"]) == (202, 1)
    assert Event.objects.get().event_id == "evt_chunks"


def test_a_body_in_chunks_that_is_too_large_is_413(settings: Settings) -> None:
    settings.MAX_BODY_BYTES = 100
    status, answer = post(b'{"eventType": "' + b"a" * 100 + b'"}', HTTP_TRANSFER_ENCODING="chunked")
    assert (status, answer["error"]["code"]) == (413, "payload_too_large")


def test_no_chunks_at_all_are_an_empty_body() -> None:
    status, answer = post(b"", HTTP_TRANSFER_ENCODING="chunked")
    assert (status, answer["error"]["code"]) == (400, "malformed_json")


def test_a_server_that_does_not_end_bodies_is_not_read_from() -> None:
    """It would wait for bytes that never come."""
    status, answer = post(
        b'{"eventType": "a"}', **{"wsgi.input_terminated": False, "HTTP_TRANSFER_ENCODING": "chunked"}
    )
    assert (status, answer["error"]["code"]) == (400, "malformed_json")
