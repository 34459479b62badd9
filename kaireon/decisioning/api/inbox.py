"""The routes of the in-app inbox."""

from typing import Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from kaireon.core import clock
from kaireon.core.rest import expect_no_body
from kaireon.core.rest.filters import OneOf
from kaireon.decisioning.inbox import mark_read
from kaireon.decisioning.models import InboxMessage


class InboxMessageBody(serializers.Serializer[InboxMessage]):
    """A message of a customer's inbox."""

    id = serializers.CharField()
    customerId = serializers.CharField(source="customer_id")
    title = serializers.CharField()
    body = serializers.CharField()
    offerId = serializers.CharField(source="offer_id", allow_null=True)
    recommendationId = serializers.CharField(source="recommendation_id", allow_null=True)
    channelId = serializers.CharField(source="channel_id")
    createdAt = serializers.DateTimeField(source="created_at")
    readAt = serializers.DateTimeField(source="read_at", allow_null=True)


class InboxFilters(filters.FilterSet):
    """Narrows the list."""

    unread = OneOf(("true", "false"), method="with_read_state")

    class Meta:
        model = InboxMessage
        fields: tuple[str, ...] = ()

    def with_read_state(self, messages: QuerySet[InboxMessage], name: str, value: Any) -> QuerySet[InboxMessage]:
        return messages.filter(read_at__isnull=value == "true")


class CustomerMessages(ListAPIView[InboxMessage]):
    """A customer's messages, newest first."""

    queryset = InboxMessage.objects.order_by("-id")
    serializer_class = InboxMessageBody
    filterset_class = InboxFilters

    def get_queryset(self) -> QuerySet[InboxMessage]:
        return super().get_queryset().filter(customer_id=self.kwargs.get("customer_id"))


class MessageRead(APIView):
    """Says that the customer has seen a message."""

    @extend_schema(request=None, responses=InboxMessageBody)
    def post(self, request: Request, message_id: str) -> Response:
        """Marks a message as read. Once more changes nothing."""
        expect_no_body(request)
        return Response(InboxMessageBody(mark_read(message_id=message_id, now=clock.now())).data)
