"""The page that shows openapi.json to people: the one answer below /api/ that is a page."""

from typing import Any

from drf_spectacular.views import SpectacularSwaggerView
from rest_framework.request import Request
from rest_framework.response import Response

from kaireon.core.rest.parsers import JSONRenderer


class Documentation(SpectacularSwaggerView):
    """GET shows the page; what else is asked of it is refused as everywhere in the API."""

    # The page's renderer can't tell of anything but the page.
    metadata_class = None

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """Takes back what drf-spectacular opens for sign-ins by way of other sites, which there are none of."""
        final: Response = super().finalize_response(request, response, *args, **kwargs)
        del final.headers["Cross-Origin-Opener-Policy"]
        return final

    def handle_exception(self, exc: Exception) -> Response:
        """The error shape, in JSON."""
        self.request.accepted_renderer = JSONRenderer()
        self.request.accepted_media_type = JSONRenderer.media_type
        return super().handle_exception(exc)
