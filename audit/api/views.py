"""GET /audit, /audit/{id} and /audit/export. Nothing here writes: other methods are answered with 405."""

import re
from typing import Any, ClassVar

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.generics import GenericAPIView, ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from audit.api.filters import EntryFilters
from audit.api.serializers import EntrySerializer
from audit.export import FORMATS, stream
from audit.models import Entry
from kaireon.accounts.permissions import ADMIN_ONLY
from kaireon.core import clock
from kaireon.core.errors import NotFound, ValidationFailed
from kaireon.core.rest.schema import ERROR

_ENTRY_ID = re.compile(r"[1-9][0-9]{0,18}\Z")
DEFAULT_FORMAT = "csv"


class EntryList(ListAPIView[Entry]):
    """The audit log, newest first."""

    abilities = ADMIN_ONLY
    queryset = Entry.objects.order_by("-id")
    serializer_class = EntrySerializer
    filterset_class = EntryFilters

    @extend_schema(operation_id="audit_list", summary="List audit entries, newest first")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class EntryView(GenericAPIView[Entry]):
    """One entry."""

    abilities = ADMIN_ONLY
    queryset = Entry.objects.all()
    serializer_class = EntrySerializer

    @extend_schema(operation_id="audit_retrieve", summary="Read one audit entry")
    def get(self, request: Request, entry_id: str) -> Response:
        entry = Entry.objects.filter(pk=entry_id).first() if _ENTRY_ID.match(entry_id) else None
        if entry is None:
            raise NotFound(f"There is no audit entry {entry_id}.")
        return Response(self.get_serializer(entry).data)


class EntryExport(GenericAPIView[Entry]):
    """The audit log as a file, streamed, with the filters of the list."""

    abilities = ADMIN_ONLY
    queryset = Entry.objects.all()
    filterset_class = EntryFilters
    pagination_class = None
    query_parameters: ClassVar[tuple[str, ...]] = ("format",)

    @extend_schema(
        operation_id="audit_export",
        summary="Export audit entries as CSV or JSON Lines",
        filters=True,
        parameters=[OpenApiParameter("format", enum=list(FORMATS), default=DEFAULT_FORMAT)],
        responses={
            (200, "text/csv"): OpenApiTypes.STR,
            (200, "application/x-ndjson"): OpenApiResponse(OpenApiTypes.STR, "One JSON object a line."),
            400: ERROR,
        },
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        format_name = request.query_params.get("format", DEFAULT_FORMAT)
        if format_name and format_name not in FORMATS:
            raise ValidationFailed.at("format", f"must be one of {', '.join(FORMATS)}.")
        return stream(self.filter_queryset(self.get_queryset()), format_name, now=clock.now())
