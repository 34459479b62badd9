"""GET /audit, /audit/{id}, /audit/export and /audit/verify. Other methods are answered with 405."""

import re
from typing import Any, ClassVar

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.generics import GenericAPIView, ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.api.filters import EntryFilters
from audit.api.serializers import EntrySerializer, ReportBody
from audit.export import FORMATS, stream
from audit.models import Entry
from audit.verification import note_verification, read_head, verify
from kaireon.accounts.permissions import ADMIN_ONLY
from kaireon.core import clock
from kaireon.core.errors import NotFound, ValidationFailed
from kaireon.core.rest.filters import parameter_problems
from kaireon.core.rest.schema import ERROR

_ENTRY_ID = re.compile(r"[1-9][0-9]{0,18}\Z")
_SEAL_NUMBER = re.compile(r"[1-9][0-9]{0,17}\Z", re.ASCII)
# What one call verifies at most: about a second's work.
VERIFY_ENTRIES = 50_000
VERIFY_SECONDS = 5.0
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


class Verification(APIView):
    """The audit log against its seals."""

    abilities = ADMIN_ONLY
    query_parameters: ClassVar[tuple[str, ...]] = ("fromSeal", "expectHead")

    @extend_schema(
        operation_id="audit_verify",
        summary="Verify the audit log, a stretch at a time",
        parameters=[
            OpenApiParameter("fromSeal", int, default=1, description="Where to begin: `nextSeal` of the call before."),
            OpenApiParameter("expectHead", str, description="A head noted down earlier: is it still in the chain?"),
        ],
        responses={200: ReportBody, 400: ERROR, 503: ERROR},
    )
    def get(self, request: Request) -> Response:
        """Verifies from `fromSeal` on, at most about 50,000 entries; `nextSeal` says where the next call goes on."""
        problems = parameter_problems(request, self.query_parameters)
        if problems:
            raise ValidationFailed.of(problems)
        number = request.query_params.get("fromSeal", "1")
        if not _SEAL_NUMBER.match(number):
            raise ValidationFailed.at("fromSeal", "must be a whole number from 1 up.")
        expected = request.query_params.get("expectHead")
        report = verify(
            from_seal=int(number),
            most_entries=VERIFY_ENTRIES,
            run_seconds=VERIFY_SECONDS,
            expected=None if expected is None else read_head(expected),
        )
        note_verification(report)
        return Response(ReportBody(report).data)
