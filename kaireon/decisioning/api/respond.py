"""The route by which outcomes come in."""

import re
from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response as HttpResponse
from rest_framework.views import APIView

from kaireon.accounts.roles import Ability
from kaireon.core import clock
from kaireon.core.errors import Detail, ValidationFailed
from kaireon.core.ids import CUSTOMER_ID_RULE, ID_MAX_LENGTH, is_customer_id
from kaireon.core.rest import JSONObjectField, StrictSerializer, Text, Whole, sent_json, validated
from kaireon.decisioning.api.fields import Amount, Moment
from kaireon.decisioning.models import Classification, Interaction
from kaireon.decisioning.outcomes import Response, respond
from kaireon.events.capacity import admit

KEY_HEADER = "Idempotency-Key"
_KEY = re.compile(r"[!-~]{1,255}\Z")
_MAX_RANK = 1000


class OutcomeBody(StrictSerializer):
    """An outcome. Name the offer by `recommendationId` and `rank`, or by `offerId`, or not at all."""

    customerId = Text(source="customer_id", trim_whitespace=False)
    outcome = Text(required=False, max_length=64, help_text="The key or an alias of an outcome type.")
    outcomeType = Text(required=False, max_length=64, help_text="Another name of outcome.")
    idempotencyKey = Text(
        source="idempotency_key",
        required=False,
        trim_whitespace=False,
        help_text="1 to 255 visible ASCII characters; or send the header Idempotency-Key.",
    )
    recommendationId = Text(source="recommendation_id", required=False, max_length=ID_MAX_LENGTH)
    rank = Whole(required=False, min_value=1, max_value=_MAX_RANK)
    offerId = Text(source="offer_id", required=False, max_length=ID_MAX_LENGTH)
    channelId = Text(source="channel_id", required=False, max_length=ID_MAX_LENGTH)
    conversionValue = Amount(source="conversion_value", required=False)
    metadata = JSONObjectField(required=False)
    context = JSONObjectField(required=False)  # type: ignore[assignment]  # DRF's metaclass takes it out again
    timestamp = Moment(source="occurred_at", required=False)

    def validate_customerId(self, value: str) -> str:  # noqa: N802  DRF derives the name from the field's
        """The rule of the events' customers."""
        if not is_customer_id(value):
            raise serializers.ValidationError(f"must be {CUSTOMER_ID_RULE}.")
        return value

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        """One of the two names of the outcome, or both with the same value."""
        alias = values.pop("outcomeType", None)
        if alias is None and "outcome" not in values:
            raise serializers.ValidationError({"outcome": ["is required."]})
        if alias is not None and values.setdefault("outcome", alias) != alias:
            raise serializers.ValidationError({"outcomeType": ["differs from outcome; send one of them."]})
        return values


class RecordedBody(serializers.ModelSerializer[Interaction]):
    """What was recorded."""

    interactionId = serializers.CharField(source="id")
    customerId = serializers.CharField(source="customer_id")
    outcome = serializers.CharField(help_text="The key of the type; an alias that was sent is resolved.")
    classification = serializers.ChoiceField(choices=Classification.choices)
    offerId = serializers.CharField(source="offer_id", allow_null=True)
    status = serializers.SerializerMethodField()
    timestamp = serializers.DateTimeField(source="occurred_at")

    class Meta:
        model = Interaction
        fields = ("interactionId", "customerId", "outcome", "classification", "offerId", "status", "timestamp")

    def get_status(self, interaction: Interaction) -> str:
        return "recorded"


class Respond(APIView):
    """Reporting what a customer did."""

    abilities = {"POST": Ability.SEND}

    @extend_schema(
        request=OutcomeBody,
        responses={200: RecordedBody, 201: RecordedBody},
        parameters=[
            OpenApiParameter(
                KEY_HEADER, str, OpenApiParameter.HEADER, description="Required here, or as idempotencyKey in the body."
            )
        ],
    )
    def post(self, request: Request) -> HttpResponse:
        """Records the outcome and publishes outcome.recorded. The same key and body again: 200 and the first answer."""
        body = sent_json(request)
        admit(1)
        values = validated(OutcomeBody, body)
        key = _idempotency_key(values.pop("idempotency_key", None), request.headers.get(KEY_HEADER))
        try:
            interaction, is_new = respond(Response(**values), idempotency_key=key, now=clock.now())
        except ValidationFailed as error:
            raise _as_sent(error, body) from None
        return HttpResponse(RecordedBody(interaction).data, status=201 if is_new else 200)


def _idempotency_key(in_body: str | None, in_header: str | None) -> str:
    key = in_header if in_body is None else in_body
    if key is None:
        raise ValidationFailed.at(
            "idempotencyKey",
            f"is required, here or as the header {KEY_HEADER}: a text of your own for each outcome, the same when you"
            " send it again.",
        )
    if in_header is not None and in_header != key:
        raise ValidationFailed.at("idempotencyKey", f"differs from the header {KEY_HEADER}; send one of them.")
    if not _KEY.match(key):
        raise ValidationFailed.at("idempotencyKey", "must be 1 to 255 visible ASCII characters, without blanks.")
    return key


def _as_sent(error: ValidationFailed, body: Mapping[str, Any]) -> ValidationFailed:
    """The same problems, at the name by which the outcome was sent."""
    name = "outcome" if "outcome" in body else "outcomeType"
    return ValidationFailed.of(
        [Detail(name if detail.field == "outcome" else detail.field, detail.message) for detail in error.details]
    )
