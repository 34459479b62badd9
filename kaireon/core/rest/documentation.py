"""The page that shows openapi.json to people: the one answer below /api/ that is a page."""

from drf_spectacular.views import SpectacularSwaggerView
from rest_framework.response import Response

from kaireon.core.rest.parsers import JSONRenderer


class Documentation(SpectacularSwaggerView):
    """GET shows the page; what else is asked of it is refused as everywhere in the API."""

    # The page's renderer can't tell of anything but the page.
    metadata_class = None

    def handle_exception(self, exc: Exception) -> Response:
        """The error shape, in JSON."""
        self.request.accepted_renderer = JSONRenderer()
        self.request.accepted_media_type = JSONRenderer.media_type
        return super().handle_exception(exc)
