"""Headers that every answer carries, beside those that Django sets by itself."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

# What holds for every page, Django admin's included, whatever scripts it needs: no plug-ins, no other base for its
# links, no frame around it, and forms that lead nowhere else.
CONTENT_SECURITY_POLICY = "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"


class ResponseHeadersMiddleware:
    """Comes behind WhiteNoise, whose files may be kept by caches; nothing else may."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        # A view that knows better has set its own.
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        return response
