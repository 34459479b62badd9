"""The routes of offers."""

from decimal import Decimal
from typing import Any

from django.db.models import Q, QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from kaireon.core import clock
from kaireon.core.rest import Choice, IdText, JSONObjectField, StrictSerializer, Text, Whole, sent_json, validated
from kaireon.core.rest.filters import OneOf, TextFilter
from kaireon.decisioning.api.fields import Amount, Moment
from kaireon.decisioning.budgets import budget_of, spent_of
from kaireon.decisioning.models import Offer, OfferStatus
from kaireon.decisioning.offer_lifecycle import create_offer, delete_offer, update_offer
from kaireon.decisioning.offers import find_offer

MAX_TAGS = 50
TAG_MAX_LENGTH = 100
_LARGEST_COUNT = 10**15


class BudgetBody(StrictSerializer):
    """Limits; one that is left out does not limit."""

    maxImpressions = Whole(source="max_impressions", required=False, min_value=1, max_value=_LARGEST_COUNT)
    maxConversions = Whole(source="max_conversions", required=False, min_value=1, max_value=_LARGEST_COUNT)
    maxSpend = Amount(source="max_spend", required=False, must_be_positive=True)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """A value for each limit: None where it is left out, so that a change replaces the whole budget."""
        values = super().to_internal_value(data)
        return {str(field.source): values.get(str(field.source)) for field in self.fields.values()}

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return budget_of(instance)


class SpentBody(serializers.Serializer[Any]):
    """What outcomes have used so far. It is counted also where nothing limits it, and past a limit."""

    impressions = serializers.IntegerField()
    conversions = serializers.IntegerField()
    amount = serializers.FloatField()

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return spent_of(instance)


class TagList(serializers.ListField):
    """Up to 50 different texts."""

    child = Text(max_length=TAG_MAX_LENGTH)
    default_error_messages = {
        "null": "must not be null.",
        "not_a_list": "must be a list.",
        "count": f"are too many; at most {MAX_TAGS} are allowed.",
    }

    def to_internal_value(self, data: Any) -> list[str]:
        if isinstance(data, list) and len(data) > MAX_TAGS:
            self.fail("count")
        tags: list[str] = super().to_internal_value(data)
        return list(dict.fromkeys(tags))


class OfferBody(StrictSerializer):
    """An offer, as it is sent and answered."""

    id = IdText(required=False)
    name = Text(max_length=255)
    status = Choice(OfferStatus.values, default=OfferStatus.ACTIVE.value)
    category = Text(allow_blank=True, default="", max_length=100)
    tags = TagList(default=list)
    priority = Whole(min_value=0, max_value=100, default=50)
    businessValue = Amount(source="business_value", default=Decimal(0))
    startsAt = Moment(source="starts_at", allow_null=True, default=None)
    endsAt = Moment(source="ends_at", allow_null=True, default=None)
    eligibility = JSONObjectField(default=dict, max_depth=64, help_text="A condition over customer.…; {} is everybody.")
    attributes = JSONObjectField(default=dict)
    budget = BudgetBody(source="*", default=dict, help_text="Replaced as a whole; {} takes every limit away.")
    costPerOutcome = Amount(
        source="cost_per_outcome",
        allow_null=True,
        default=None,
        help_text="What a positive outcome without a conversionValue spends.",
    )
    spent = SpentBody(source="*", read_only=True)
    exhaustedAt = serializers.DateTimeField(source="exhausted_at", read_only=True, allow_null=True)
    expiredAt = serializers.DateTimeField(source="expired_at", read_only=True, allow_null=True)
    createdAt = serializers.DateTimeField(source="created_at", read_only=True)
    updatedAt = serializers.DateTimeField(source="updated_at", read_only=True)


class OfferFilters(filters.FilterSet):
    """`tag` asks for one tag, `search` looks into id and name."""

    status = OneOf(OfferStatus.values)
    category = TextFilter(field_name="category")
    tag = TextFilter(method="with_tag", max_length=TAG_MAX_LENGTH)
    search = TextFilter(method="search_text", max_length=200)

    class Meta:
        model = Offer
        fields: tuple[str, ...] = ()

    def with_tag(self, offers: QuerySet[Offer], name: str, value: Any) -> QuerySet[Offer]:
        return offers.filter(tags__contains=[str(value)])

    def search_text(self, offers: QuerySet[Offer], name: str, value: Any) -> QuerySet[Offer]:
        """Every word must be found somewhere."""
        for word in str(value).split():
            offers = offers.filter(Q(id__icontains=word) | Q(name__icontains=word))
        return offers


class OfferCollection(ListAPIView[Offer]):
    """All offers, by priority descending, then id."""

    queryset = Offer.objects.order_by("-priority", "id")
    serializer_class = OfferBody
    filterset_class = OfferFilters

    @extend_schema(request=OfferBody, responses={201: OfferBody})
    def post(self, request: Request) -> Response:
        """Creates an offer; it is active at once unless another status is given."""
        offer = create_offer(values=validated(OfferBody, sent_json(request)), now=clock.now())
        return Response(OfferBody(offer).data, status=201, headers={"Location": f"{request.path}/{offer.pk}"})


class OfferItem(APIView):
    """One offer."""

    @extend_schema(responses=OfferBody)
    def get(self, request: Request, offer_id: str) -> Response:
        """The whole offer, with what is spent of its budget."""
        return Response(OfferBody(find_offer(offer_id)).data)

    @extend_schema(request=OfferBody(partial=True), responses=OfferBody)
    def put(self, request: Request, offer_id: str) -> Response:
        """Changes the given fields and leaves the others, as PATCH does."""
        values = validated(OfferBody, sent_json(request), partial=True)
        return Response(OfferBody(update_offer(offer_id=offer_id, values=values, now=clock.now())).data)

    @extend_schema(request=OfferBody(partial=True), responses=OfferBody)
    def patch(self, request: Request, offer_id: str) -> Response:
        """Changes the given fields and leaves the others."""
        return self.put(request, offer_id)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, offer_id: str) -> Response:
        """Deletes it; its outcomes and audit entries stay."""
        delete_offer(offer_id=offer_id, now=clock.now())
        return Response(status=204)
