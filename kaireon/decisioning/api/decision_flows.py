"""The routes of decision flows."""

from typing import Any

from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from kaireon.core import clock
from kaireon.core.expressions import MAX_LENGTH
from kaireon.core.rest import Choice, IdText, JSONObjectField, StrictSerializer, Text, Whole, sent_json, validated
from kaireon.core.rest.filters import OneOf
from kaireon.decisioning.api.offers import TagList
from kaireon.decisioning.flows import FLOWS
from kaireon.decisioning.models import MAX_LIMIT, DecisionFlow, FlowStatus

LARGEST_WEIGHT = 1_000_000


@extend_schema_field(OpenApiTypes.DOUBLE)
class Weight(serializers.Field[Any, Any, Any, Any]):
    """A JSON number of at most a million, in either direction."""

    default_error_messages = {
        "required": "is required.",
        "null": "must not be null.",
        "type": "must be a number.",
        "range": f"must be between -{LARGEST_WEIGHT} and {LARGEST_WEIGHT}.",
    }

    def to_internal_value(self, data: Any) -> int | float:
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("type")
        if not -LARGEST_WEIGHT <= data <= LARGEST_WEIGHT:
            self.fail("range")
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class CandidatesBody(StrictSerializer):
    """Which offers are candidates: those of the category that have at least one of the tags."""

    category = Text(required=False, allow_blank=True, max_length=100)
    tags = TagList(required=False)


class ScoreBody(StrictSerializer):
    """priorityWeight x priority + valueWeight x businessValue + formula."""

    priorityWeight = Weight(required=False, help_text="1 where it is left out.")
    valueWeight = Weight(required=False, help_text="0 where it is left out.")
    formula = Text(
        required=False,
        max_length=MAX_LENGTH,
        help_text="An expression over customer_…, offer_…, priority and business_value.",
    )


class DecisionFlowBody(StrictSerializer):
    """A decision flow, as it is sent and answered."""

    id = IdText(required=False)
    name = Text(max_length=255)
    status = Choice(FlowStatus.values, default=FlowStatus.ACTIVE.value)
    candidates = CandidatesBody(default=dict, help_text="Replaced as a whole; {} is every offer.")
    eligibility = JSONObjectField(default=dict, max_depth=64, help_text="A condition over customer.…; {} is everybody.")
    score = ScoreBody(default=dict, help_text="Replaced as a whole.")
    limit = Whole(min_value=1, max_value=MAX_LIMIT, default=5, help_text="Decisions at most.")
    createdAt = serializers.DateTimeField(source="created_at", read_only=True)
    updatedAt = serializers.DateTimeField(source="updated_at", read_only=True)


class DecisionFlowFilters(filters.FilterSet):
    """Narrows the list."""

    status = OneOf(FlowStatus.values)

    class Meta:
        model = DecisionFlow
        fields: tuple[str, ...] = ()


class DecisionFlowCollection(ListAPIView[DecisionFlow]):
    """All decision flows, by id."""

    queryset = DecisionFlow.objects.order_by("id")
    serializer_class = DecisionFlowBody
    filterset_class = DecisionFlowFilters

    @extend_schema(request=DecisionFlowBody, responses={201: DecisionFlowBody})
    def post(self, request: Request) -> Response:
        """Creates a decision flow; it is active at once unless another status is given."""
        flow = FLOWS.create(values=validated(DecisionFlowBody, sent_json(request)), now=clock.now())
        return Response(DecisionFlowBody(flow).data, status=201, headers={"Location": f"{request.path}/{flow.pk}"})


class DecisionFlowItem(APIView):
    """One decision flow."""

    @extend_schema(responses=DecisionFlowBody)
    def get(self, request: Request, flow_id: str) -> Response:
        """The whole decision flow."""
        return Response(DecisionFlowBody(FLOWS.find(flow_id)).data)

    @extend_schema(request=DecisionFlowBody(partial=True), responses=DecisionFlowBody)
    def put(self, request: Request, flow_id: str) -> Response:
        """Changes the given fields and leaves the others, as PATCH does."""
        values = validated(DecisionFlowBody, sent_json(request), partial=True)
        return Response(DecisionFlowBody(FLOWS.update(row_id=flow_id, values=values, now=clock.now())).data)

    @extend_schema(request=DecisionFlowBody(partial=True), responses=DecisionFlowBody)
    def patch(self, request: Request, flow_id: str) -> Response:
        """Changes the given fields and leaves the others."""
        return self.put(request, flow_id)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, flow_id: str) -> Response:
        """Deletes it; its recommendations stay."""
        FLOWS.delete(row_id=flow_id, now=clock.now())
        return Response(status=204)
