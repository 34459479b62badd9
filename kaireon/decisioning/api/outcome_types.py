"""The routes of outcome types."""

import re
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from kaireon.core import clock
from kaireon.core.rest import Choice, Flag, StrictSerializer, Text, sent_json, validated
from kaireon.core.rest.schema import ERROR
from kaireon.decisioning.models import Classification, OutcomeType
from kaireon.decisioning.outcome_types import (
    MAX_ALIASES,
    all_types,
    create_type,
    delete_type,
    find_type,
    update_type,
)

_KEY = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")


class KeyText(Text):
    """The key of an outcome type."""

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not _KEY.match(text):
            raise serializers.ValidationError("must be a lower-case letter, then up to 63 of a-z, 0-9 and _.")
        return text


class OutcomeTypeBody(StrictSerializer):
    """An outcome type."""

    key = KeyText()
    label = Text(max_length=255)  # type: ignore[assignment]  # DRF's metaclass takes it out of the class again
    classification = Choice(Classification.values)
    countsAsImpression = Flag(
        source="counts_as_impression", default=False, help_text="Uses an impression of the offer's budget."
    )
    countsAsConversion = Flag(
        source="counts_as_conversion", default=False, help_text="Uses a conversion of the offer's budget."
    )
    aliases = serializers.ListField(
        child=KeyText(),
        default=list,
        max_length=MAX_ALIASES,
        help_text="Other keys by which it may be sent.",
        error_messages={
            "null": "must not be null.",
            "not_a_list": "must be a list.",
            "max_length": f"are too many; at most {MAX_ALIASES} are allowed.",
        },
    )
    isSystem = serializers.BooleanField(source="is_system", read_only=True, help_text="Part of the product.")
    createdAt = serializers.DateTimeField(source="created_at", read_only=True, allow_null=True)
    updatedAt = serializers.DateTimeField(source="updated_at", read_only=True, allow_null=True)


class OutcomeTypeCollection(ListAPIView[OutcomeType]):
    """All outcome types by key, the product's and your own, and making new ones."""

    queryset = OutcomeType.objects.none()
    serializer_class = OutcomeTypeBody

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Paged like every list, though most of it is in no table."""
        self.filter_queryset(self.get_queryset())
        page = self.paginate_queryset(all_types())
        return self.get_paginated_response(OutcomeTypeBody(page or [], many=True).data)

    @extend_schema(request=OutcomeTypeBody, responses={201: OutcomeTypeBody})
    def post(self, request: Request) -> Response:
        """Creates a type of your own."""
        kind = create_type(values=validated(OutcomeTypeBody, sent_json(request)), now=clock.now())
        return Response(OutcomeTypeBody(kind).data, status=201, headers={"Location": f"{request.path}/{kind.key}"})


class OutcomeTypeItem(APIView):
    """One outcome type."""

    @extend_schema(responses=OutcomeTypeBody)
    def get(self, request: Request, key: str) -> Response:
        """The type."""
        return Response(OutcomeTypeBody(find_type(key)).data)

    @extend_schema(request=OutcomeTypeBody(partial=True), responses=OutcomeTypeBody)
    def put(self, request: Request, key: str) -> Response:
        """Changes the given fields of a type of your own; what was recorded under it stays as it is."""
        values = validated(OutcomeTypeBody, sent_json(request), partial=True)
        return Response(OutcomeTypeBody(update_type(key=key, values=values, now=clock.now())).data)

    @extend_schema(request=OutcomeTypeBody(partial=True), responses=OutcomeTypeBody)
    def patch(self, request: Request, key: str) -> Response:
        """The same as PUT."""
        return self.put(request, key)

    @extend_schema(responses={204: None, 409: ERROR})
    def delete(self, request: Request, key: str) -> Response:
        """Deletes a type of your own; what was recorded under it stays."""
        delete_type(key=key, now=clock.now())
        return Response(status=204)
