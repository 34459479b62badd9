"""The short way for the request that comes most often: one event, with an API key.

It leads past the session, past Django REST framework and, by `together`, past most of the database's work. It knows one
answer: 202. Whatever else there is to say (no such key, a mistake in the event, too many requests) it leaves to the
view, which looks at the request afresh; so errors come from one place, and the view alone is the API's documentation.
"""

from collections.abc import Callable
from functools import cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.exceptions import AuthenticationFailed

from kaireon.accounts.authentication import presented_key
from kaireon.core.context import note_events, set_actor
from kaireon.core.errors import ApiError
from kaireon.core.json_values import decode, encode
from kaireon.core.rest import exception_handler
from kaireon.events.api.views import EventCollection, answer_to
from kaireon.events.ingestion import MAX_PROPERTIES_BYTES, read_event
from kaireon.events.together import Letter, store

PATH = "/api/v1/events"
# With all of its escapes an event may be longer, and takes the long way.
LONGEST_BODY = 2 * MAX_PROPERTIES_BYTES


class SingleEventDoor:
    """Middleware. Comes behind what concerns every answer, such as its headers, and before sessions."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info != PATH or request.method != "POST":
            return self.get_response(request)
        letter = _letter(request)
        if letter is None:
            return self.get_response(request)
        store(letter)
        if letter.failure is not None:
            return _failed(letter.failure)
        if letter.accepted is None:
            return self.get_response(request)
        set_actor(letter.actor)
        if not letter.accepted.is_duplicate:
            note_events([letter.accepted.event_id])
        return _answer(answer_to([letter.accepted]), 202)


def _letter(request: HttpRequest) -> Letter | None:
    """The valid event in the body, and the key; None for all other requests."""
    # Raises for a foreign host, as the middleware that is passed by does.
    request.get_host()
    length = request.headers.get("Content-Length", "")
    if (
        request.content_type != "application/json"
        or request.headers.get("Cookie")
        or request.headers.get("Content-Encoding")
        or not length.isdecimal()
        or not 0 < int(length) <= min(LONGEST_BODY, settings.MAX_BODY_BYTES)
    ):
        return None
    try:
        key = presented_key(request.headers)
        body = None if key is None else decode(request.body)
        if key is None or isinstance(body, list):
            return None
        return Letter(key, read_event(body, path="", source="api"))
    except (ApiError, AuthenticationFailed):
        return None


def _failed(failure: Exception) -> HttpResponse:
    refusal = exception_handler(failure, {})
    if refusal is None:
        raise failure
    return _answer(refusal.data, refusal.status_code, **dict(refusal.items()))


def _answer(data: object, status: int, **headers: str) -> HttpResponse:
    """Like one of the view's."""
    body = encode(data)
    headers |= {**_view_headers(), "Content-Type": "application/json", "Content-Length": str(len(body))}
    return HttpResponse(body, status=status, headers=headers)


@cache
def _view_headers() -> dict[str, str]:
    view = EventCollection()
    view.setup(HttpRequest())
    return view.default_response_headers
