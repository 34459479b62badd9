"""The routes of channels."""

from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from kaireon.core import clock
from kaireon.core.rest import Choice, IdText, JSONObjectField, StrictSerializer, Text, sent_json, validated
from kaireon.core.rest.filters import OneOf
from kaireon.decisioning.channels import CHANNELS
from kaireon.decisioning.models import Channel, ChannelStatus, ChannelType

CONFIG_MAX_BYTES = 128 * 1024


class ChannelBody(StrictSerializer):
    """A channel, as it is sent and answered. What `config` holds depends on `channelType`; see docs/channels.md."""

    id = IdText(required=False)
    name = Text(max_length=255)
    status = Choice(ChannelStatus.values, default=ChannelStatus.ACTIVE.value)
    channelType = Choice(ChannelType.values, source="channel_type")
    config = JSONObjectField(
        max_bytes=CONFIG_MAX_BYTES,
        help_text="email: from?, to, subject, body. webhook: url, headers?, bodyTemplate. in_app: title, body.",
    )
    createdAt = serializers.DateTimeField(source="created_at", read_only=True)
    updatedAt = serializers.DateTimeField(source="updated_at", read_only=True)


class ChannelFilters(filters.FilterSet):
    """Each one narrows the list further."""

    status = OneOf(ChannelStatus.values)
    channelType = OneOf(ChannelType.values, field_name="channel_type")

    class Meta:
        model = Channel
        fields: tuple[str, ...] = ()


class ChannelCollection(ListAPIView[Channel]):
    """All channels, by id."""

    queryset = Channel.objects.order_by("id")
    serializer_class = ChannelBody
    filterset_class = ChannelFilters

    @extend_schema(request=ChannelBody, responses={201: ChannelBody})
    def post(self, request: Request) -> Response:
        """Creates a channel; it is active at once unless another status is given."""
        channel = CHANNELS.create(values=validated(ChannelBody, sent_json(request)), now=clock.now())
        return Response(ChannelBody(channel).data, status=201, headers={"Location": f"{request.path}/{channel.pk}"})


class ChannelItem(APIView):
    """One channel."""

    @extend_schema(responses=ChannelBody)
    def get(self, request: Request, channel_id: str) -> Response:
        """The whole channel."""
        return Response(ChannelBody(CHANNELS.find(channel_id)).data)

    @extend_schema(request=ChannelBody(partial=True), responses=ChannelBody)
    def put(self, request: Request, channel_id: str) -> Response:
        """Changes the given fields and leaves the others, as PATCH does; `config` is replaced as a whole."""
        values = validated(ChannelBody, sent_json(request), partial=True)
        return Response(ChannelBody(CHANNELS.update(row_id=channel_id, values=values, now=clock.now())).data)

    @extend_schema(request=ChannelBody(partial=True), responses=ChannelBody)
    def patch(self, request: Request, channel_id: str) -> Response:
        """Changes the given fields and leaves the others; `config` is replaced as a whole."""
        return self.put(request, channel_id)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, channel_id: str) -> Response:
        """Deletes it; what went through it stays."""
        CHANNELS.delete(row_id=channel_id, now=clock.now())
        return Response(status=204)
