"""The routes of segments."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from kaireon.core import clock
from kaireon.core.errors import ValidationFailed
from kaireon.core.rest import sent_json, validated
from kaireon.customers.api.filters import MemberFilters, SegmentFilters
from kaireon.customers.api.segment_serializers import MemberBody, SegmentBody, SegmentChanges
from kaireon.customers.models import Membership, Segment
from kaireon.customers.segments import create_segment, delete_segment, find_segment, update_segment, with_member_counts


class SegmentCollection(ListAPIView[Segment]):
    """All segments, and making new ones."""

    queryset = with_member_counts(Segment.objects.order_by("id"))
    serializer_class = SegmentBody
    filterset_class = SegmentFilters

    @extend_schema(request=SegmentBody, responses={201: SegmentBody})
    def post(self, request: Request) -> Response:
        """Without `schemaId` it is one of the default schema. Its members are found in the background."""
        values = validated(SegmentBody, sent_json(request))
        values.pop("version", None)
        segment = create_segment(segment_id=values.pop("id", None), now=clock.now(), **values)
        body = SegmentBody(find_segment(segment.pk)).data
        return Response(body, status=201, headers={"Location": f"{request.path}/{segment.pk}"})


class SegmentItem(APIView):
    """One segment."""

    @extend_schema(responses=SegmentBody)
    def get(self, request: Request, segment_id: str) -> Response:
        """The segment, with the number of its members."""
        return Response(SegmentBody(find_segment(segment_id)).data)

    @extend_schema(request=SegmentChanges, responses=SegmentBody)
    def put(self, request: Request, segment_id: str) -> Response:
        """Changes what is given. Other criteria are tried on all records in the background."""
        values = validated(SegmentChanges, sent_json(request))
        if values.pop("id", segment_id) != segment_id:
            raise ValidationFailed.at("id", "can't be changed; make a new segment instead.")
        update_segment(segment_id=segment_id, now=clock.now(), **values)
        return Response(SegmentBody(find_segment(segment_id)).data)

    @extend_schema(request=SegmentChanges, responses=SegmentBody)
    def patch(self, request: Request, segment_id: str) -> Response:
        """The same as PUT."""
        return self.put(request, segment_id)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, segment_id: str) -> Response:
        """Removes the segment with its memberships; nobody exits."""
        delete_segment(segment_id=segment_id, now=clock.now())
        return Response(status=204)


class SegmentMembers(ListAPIView[Membership]):
    """Who is in a segment, by customer id."""

    queryset = Membership.objects.order_by("customer_id")
    serializer_class = MemberBody
    filterset_class = MemberFilters

    def get_queryset(self) -> QuerySet[Membership]:
        return super().get_queryset().filter(segment_id=self.kwargs.get("segment_id"))

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        find_segment(self.kwargs["segment_id"])
        return super().list(request, *args, **kwargs)
