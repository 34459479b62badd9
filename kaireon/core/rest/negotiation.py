"""The API answers in JSON whatever the Accept header says: there is nothing to choose from."""

from collections.abc import Iterable

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


class OnlyRenderer(DefaultContentNegotiation):
    """Takes the view's first renderer."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """The renderer, and the media type that it writes."""
        renderer = next(iter(renderers))
        return renderer, renderer.media_type
