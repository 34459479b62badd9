"""POST /recommend."""

from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from kaireon.core import clock
from kaireon.core.errors import Conflict
from kaireon.core.ids import CUSTOMER_ID_RULE, is_customer_id
from kaireon.core.rest import IdText, JSONObjectField, StrictSerializer, Text, Whole, sent_json, validated
from kaireon.core.rest.schema import ERROR
from kaireon.customers.working_set import WorkingSet
from kaireon.decisioning.flows import FLOWS
from kaireon.decisioning.models import MAX_LIMIT
from kaireon.decisioning.recommending import Ask, NotPossible, Recommendation, recommend


class RecommendBody(StrictSerializer):
    """Who asks which flow."""

    customerId = Text(source="customer_id", trim_whitespace=False)
    decisionFlowId = IdText(source="flow_id")
    limit = Whole(min_value=1, max_value=MAX_LIMIT, required=False, help_text="In the place of the flow's own.")
    context = JSONObjectField(  # type: ignore[assignment]  # DRF's metaclass takes it out of the class again
        default=dict, help_text="Kept with the recommendation."
    )

    def validate_customerId(self, value: str) -> str:  # noqa: N802  DRF derives the name from the field's
        """As everywhere."""
        if not is_customer_id(value):
            raise serializers.ValidationError(f"must be {CUSTOMER_ID_RULE}.")
        return value


class ChosenOfferBody(serializers.Serializer[Any]):
    """An offer that was chosen."""

    rank = serializers.IntegerField()
    offerId = serializers.CharField(source="offer_id")
    offerName = serializers.CharField(source="offer_name")
    score = serializers.FloatField()


class LeftOutOfferBody(serializers.Serializer[Any]):
    """A candidate that was not chosen."""

    offerId = serializers.CharField()
    reason = serializers.CharField()


class RecommendationBody(serializers.Serializer[Recommendation]):
    """What was chosen, best first, and why nothing else was."""

    recommendationId = serializers.CharField(source="recommendation_id")
    customerId = serializers.CharField(source="customer_id")
    count = serializers.SerializerMethodField()
    decisions = ChosenOfferBody(many=True)
    filtered = LeftOutOfferBody(many=True)

    def get_count(self, recommendation: Recommendation) -> int:
        return len(recommendation.decisions)


class Recommend(APIView):
    """Runs a decision flow."""

    @extend_schema(request=RecommendBody, responses={200: RecommendationBody, 404: ERROR})
    def post(self, request: Request) -> Response:
        """Chooses offers for a customer and stores what was chosen."""
        values = validated(RecommendBody, sent_json(request))
        now = clock.now()
        FLOWS.find(values["flow_id"])
        with transaction.atomic():
            (answer,) = recommend([Ask(**values)], records=WorkingSet(now=now), now=now)
        if isinstance(answer, NotPossible):
            raise Conflict(f"No recommendation: {answer.reason}")
        return Response(RecommendationBody(answer).data)
