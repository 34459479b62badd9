"""Whatever raised it, an error leaves the API in one shape, with one of the codes that the contract names."""

import logging
import math
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, JsonResponse
from redis import RedisError
from rest_framework import exceptions
from rest_framework.response import Response

from kaireon.core.context import current_request_id
from kaireon.core.errors import ApiError, Detail, ValidationFailed, join_path

logger = logging.getLogger(__name__)

_CODES = {
    400: "validation_failed",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "payload_too_large",
    415: "unsupported_media_type",
    429: "rate_limited",
}
# An answer echoes names and ids that the caller chose, up to here.
_LONGEST_FIELD = 500
_LONGEST_MESSAGE = 1500


def body(code: str, message: str, status_code: int, details: list[Detail]) -> dict[str, Any]:
    """The error shape of the contract."""
    return {
        "error": {
            "code": code,
            "message": _clipped(message, _LONGEST_MESSAGE),
            "status": status_code,
            "requestId": current_request_id(),
            "details": [
                {
                    "field": _clipped(detail.field, _LONGEST_FIELD),
                    "message": _clipped(detail.message, _LONGEST_MESSAGE),
                }
                for detail in details
            ],
        }
    }


def _clipped(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def error_response(error: ApiError) -> JsonResponse:
    """`error` as an answer, for views that are not DRF's."""
    return JsonResponse(body(error.code, error.message, error.status, error.details), status=error.status)


def exception_handler(exception: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's hook. Returns None for what nobody anticipated: the middleware answers 500 and logs it."""
    headers: dict[str, str] = {}
    match exception:
        case exceptions.ValidationError():
            failed = ValidationFailed.of(flatten(exception.detail))
            payload = body(failed.code, failed.message, failed.status, failed.details)
        case ApiError():
            payload = body(exception.code, exception.message, exception.status, exception.details)
            if exception.retry_after_seconds is not None:
                headers["Retry-After"] = str(exception.retry_after_seconds)
        case RequestDataTooBig():
            payload = body("payload_too_large", "The body is too large; send less at once.", 413, [])
        case OperationalError() | InterfaceError() | RedisError():
            logger.error("PostgreSQL or Redis did not answer a request", exc_info=exception)
            payload = body("unavailable", "The database does not answer at the moment; try again.", 503, [])
            headers["Retry-After"] = "1"
        case Http404():
            payload = body("not_found", str(exception) or "There is nothing with that id.", 404, [])
        case PermissionDenied():
            payload = body("forbidden", str(exception) or "You may not do this.", 403, [])
        case exceptions.APIException():
            wait_seconds = getattr(exception, "wait", None)
            if isinstance(exception, exceptions.Throttled) and wait_seconds is not None:
                headers["Retry-After"] = str(max(1, math.ceil(wait_seconds)))
            if isinstance(exception, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
                headers["WWW-Authenticate"] = 'Bearer realm="kaireon"'
            payload = body(
                _CODES.get(exception.status_code, "internal"), _sentence(exception), exception.status_code, []
            )
        case _:
            return None
    return Response(payload, status=payload["error"]["status"], headers=headers)


def _sentence(exception: exceptions.APIException) -> str:
    match exception:
        case exceptions.UnsupportedMediaType():
            return "Send the body as JSON, with Content-Type: application/json."
        case exceptions.NotAuthenticated():
            return "Send an API key, as Authorization: Bearer krn_… or X-API-Key: krn_…."
        case exceptions.MethodNotAllowed():
            return f"{exception.detail} The header Allow names those that are."
        case exceptions.Throttled():
            return "Too many requests in this minute; go on after as many seconds as the header Retry-After says."
    return str(exception.detail)


def flatten(detail: Any, path: str = "") -> list[Detail]:
    """DRF's nested problems as a flat list of paths and sentences."""
    if isinstance(detail, dict):
        return [found for key, value in detail.items() for found in flatten(value, _step(path, key))]
    if isinstance(detail, list):
        if all(not isinstance(item, dict | list) for item in detail):
            return [Detail(path, str(item)) for item in detail]
        return [found for index, item in enumerate(detail) for found in flatten(item, f"{path}[{index}]")]
    return [Detail(path, str(detail))]


def _step(path: str, key: Any) -> str:
    if key == "non_field_errors":
        return path
    return f"{path}[{key}]" if isinstance(key, int) else join_path(path, str(key))


def unexpected_response() -> JsonResponse:
    """The answer to a failure that nobody anticipated; the log has the traceback under the same request id."""
    message = "Something went wrong on our side. Try again; if it stays, give the operator this requestId."
    return JsonResponse(body("internal", message, 500, []), status=500)
