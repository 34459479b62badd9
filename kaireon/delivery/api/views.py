"""GET /deliveries, GET /deliveries/hosts, GET /deliveries/{id}, POST /deliveries/{id}/redeliver."""

from typing import Any

from django.db.models import QuerySet
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
from kaireon.delivery.api.serializers import DeliveryDetailSerializer, DeliverySerializer, HostSerializer
from kaireon.delivery.circuits import with_circuits, with_waiting
from kaireon.delivery.models import Circuit, Delivery
from kaireon.delivery.redelivery import redeliver


class DeliveryList(ListAPIView[Delivery]):
    """Deliveries, newest first."""

    queryset = Delivery.objects.order_by("-id")
    serializer_class = DeliverySerializer
    filterset_class = DeliveryFilters

    def get_queryset(self) -> QuerySet[Delivery]:
        return with_circuits(super().get_queryset())

    @extend_schema(operation_id="deliveries_list", summary="List deliveries, newest first")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class HostList(ListAPIView[Circuit]):
    """Receivers that have failed lately."""

    queryset = Circuit.objects.order_by("host")
    serializer_class = HostSerializer

    def get_queryset(self) -> QuerySet[Circuit]:
        return with_waiting(super().get_queryset())

    @extend_schema(operation_id="deliveries_hosts_list", summary="List receivers that have failed lately, by host")
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
        redeliver(delivery=_find(delivery_id), now=clock.now())
        return Response(DeliveryDetailSerializer(_find(delivery_id)).data)


def _find(delivery_id: str) -> Delivery:
    found = with_circuits(Delivery.objects.filter(pk=delivery_id))
    delivery = found.first() if GIVEN_ID.match(delivery_id) else None
    if delivery is None:
        raise NotFound(f"There is no delivery {delivery_id}.")
    return delivery
