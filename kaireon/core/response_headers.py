"""Headers that every answer carries, beside those that Django sets by itself."""

from collections.abc import Callable

from csp.utils import build_policy
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

# What holds for every page, Django admin's included, whatever scripts it needs: no plug-ins, no other base for its
# links, no frame around it, and forms that lead nowhere else.
CONTENT_SECURITY_POLICY = "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"


class ResponseHeadersMiddleware:
    """Comes behind WhiteNoise, whose files may be kept by caches; nothing else may.

    The whole policy is the same for every answer. django-csp's own middleware puts it together anew, twice, for each.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self._policy = build_policy()
        self._laxer_paths = tuple(settings.CONTENT_SECURITY_POLICY["EXCLUDE_URL_PREFIXES"])

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        # A view that knows better has set its own.
        response.headers.setdefault("Cache-Control", "no-store")
        is_lax = request.path_info.startswith(self._laxer_paths) or _is_debug_page(response)
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY if is_lax else self._policy)
        return response


def _is_debug_page(response: HttpResponseBase) -> bool:
    """Whether Django may show a developer a page that has its styles and scripts inside."""
    return settings.DEBUG and response.status_code in {404, 500}
