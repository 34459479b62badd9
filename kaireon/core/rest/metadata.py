"""What OPTIONS tells of a route."""

from typing import TYPE_CHECKING, Any

from rest_framework.metadata import BaseMetadata
from rest_framework.request import Request

if TYPE_CHECKING:  # DRF reads its settings, and so imports this module, while its views are being imported
    from rest_framework.views import APIView


class RouteMetadata(BaseMetadata):
    """The methods, and where to read on. DRF would derive fields from a list's serializer, which no body has."""

    def determine_metadata(self, request: Request, view: "APIView") -> dict[str, Any]:
        """The body of the answer."""
        return {"methods": view.allowed_methods, "documentation": "/api/v1/docs"}
