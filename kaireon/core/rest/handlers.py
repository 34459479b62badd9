"""What Django answers by itself, before or behind any view: the error shape for programs, a page for people."""

import re

from django.core.exceptions import DisallowedHost, RequestDataTooBig, TooManyFieldsSent
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404
from django.views import defaults

from kaireon.core.errors import ApiError, NotFound, PayloadTooLarge, ValidationFailed
from kaireon.core.rest.exceptions import error_response, unexpected_response

# Whoever asks for /api, //api/v1/triggers or /API/v1 is a program that was told its address wrongly.
_FOR_PROGRAMS = re.compile(r"/+api(/|\Z)", re.IGNORECASE)


def is_for_programs(request: HttpRequest) -> bool:
    """Whether the caller can do nothing with a page."""
    return _FOR_PROGRAMS.match(request.path) is not None


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler400."""
    if not is_for_programs(request):
        return defaults.bad_request(request, exception)
    return error_response(_refusal(exception))


def _refusal(exception: Exception) -> ApiError:
    match exception:
        case DisallowedHost():
            return ValidationFailed(
                "The Host header is not a name of this installation: mend the address, or have the operator add the"
                " name to KAIREON_ALLOWED_HOSTS."
            )
        case TooManyFieldsSent():
            return ValidationFailed("The request has too many parameters; send fewer.")
        case RequestDataTooBig():
            return PayloadTooLarge("The body is too large; send less at once.")
    return ValidationFailed("The request is malformed; see the API's documentation for its form.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler404. `exception` is the URL resolver's, or says by itself why nothing is there."""
    if not is_for_programs(request):
        return defaults.page_not_found(request, exception)
    reason = f"There is no route {request.path}; see /api/v1/docs."
    return error_response(NotFound(reason if isinstance(exception, Resolver404) else str(exception) or reason))


def server_error(request: HttpRequest) -> HttpResponse:
    """handler500."""
    return unexpected_response() if is_for_programs(request) else defaults.server_error(request)
