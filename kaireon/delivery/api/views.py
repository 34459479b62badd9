"""GET /deliveries, GET /deliveries/{id}, POST /deliveries/{id}/redeliver."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from kaireon.core import clock
from kaireon.core.errors import NotFound
from kaireon.core.ids import GIVEN_ID
from kaireon.core.rest import expect_no_body
from kaireon.delivery.api.filters import DeliveryFilters
from kaireon.delivery.api.serializers import DeliveryDetailSerializer, DeliverySerializer
from kaireon.delivery.models import Delivery
from kaireon.delivery.redelivery import redeliver


class DeliveryList(ListAPIView[Delivery]):
    """Deliveries, newest first."""

    queryset = Delivery.objects.order_by("-id")
    serializer_class = DeliverySerializer
    filterset_class = DeliveryFilters

    @extend_schema(operation_id="deliveries_list", summary="List deliveries, newest first")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class DeliveryView(APIView):
    """One delivery."""

    @extend_schema(
        operation_id="deliveries_retrieve",
        summary="Read a delivery and its attempts",
        responses={200: DeliveryDetailSerializer},
    )
    def get(self, request: Request, delivery_id: str) -> Response:
        return Response(DeliveryDetailSerializer(_find(delivery_id)).data)


class Redelivery(APIView):
    """The way to send a delivery again."""

    @extend_schema(
        operation_id="deliveries_redeliver",
        summary="Send a dead, delivered or cancelled delivery again",
        request=None,
        responses={200: DeliveryDetailSerializer},
    )
    def post(self, request: Request, delivery_id: str) -> Response:
        expect_no_body(request)
        delivery = redeliver(delivery=_find(delivery_id), now=clock.now())
        return Response(DeliveryDetailSerializer(delivery).data)


def _find(delivery_id: str) -> Delivery:
    delivery = Delivery.objects.filter(pk=delivery_id).first() if GIVEN_ID.match(delivery_id) else None
    if delivery is None:
        raise NotFound(f"There is no delivery {delivery_id}.")
    return delivery
