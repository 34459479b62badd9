"""Names each request, logs it, and answers in the error shape where no view got the chance to."""

import logging
import re
import time
from collections.abc import Callable

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase

from kaireon.core import trace
from kaireon.core.context import SYSTEM, begin_noting_events, set_actor, set_request_id, stop_noting_events
from kaireon.core.counters import Counter, Histogram
from kaireon.core.ids import time_ordered_id
from kaireon.core.rest.handlers import not_found

logger = logging.getLogger("kaireon.requests")
_ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9._-]{8,64}\Z")
_NUL = Http404("There is no such route: the path contains a NUL character.")
_QUIET_PATHS = {"/healthz", "/readyz", "/metrics"}
_REQUESTS = Counter(
    "kaireon_http_requests",
    "Requests that were answered, by the class of the status",
    {"status": ("1xx", "2xx", "3xx", "4xx", "5xx")},
)
_DURATION = Histogram("kaireon_http_request_seconds", "From a request's arrival to its answer")


class RequestContextMiddleware:
    """Takes the caller's X-Request-Id if it is a sane one, else makes one; returns it with every answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get("X-Request-Id", "")
        request_id = given if _ACCEPTABLE_ID.match(given) else time_ordered_id("req_")
        set_request_id(request_id)
        set_actor(SYSTEM)
        try:
            return self._answer(request, request_id)
        finally:
            set_request_id("")
            set_actor(SYSTEM)
            stop_noting_events()

    def _answer(self, request: HttpRequest, request_id: str) -> HttpResponseBase:
        started = time.perf_counter()
        event_ids = begin_noting_events()
        # PostgreSQL holds no NUL, so no id has one: nothing can be there.
        response = not_found(request, _NUL) if "\x00" in request.path else self.get_response(request)
        response["X-Request-Id"] = request_id
        if request.path not in _QUIET_PATHS:
            duration_s = time.perf_counter() - started
            _REQUESTS.add(status=f"{response.status_code // 100}xx")
            _DURATION.observe([duration_s])
            logger.info(
                "request",
                extra={
                    "method": request.method,
                    "path": request.path,
                    "status": response.status_code,
                    "duration_ms": round(duration_s * 1000, 1),
                    **({"events": len(event_ids), "event_ids": trace.few(event_ids)} if event_ids else {}),
                },
            )
        return response
