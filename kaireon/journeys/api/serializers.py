"""Bodies of the journeys' routes; a journey's own body is `kaireon.journeys.definition.JourneyBody`."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from kaireon.core.ids import CUSTOMER_ID_RULE, is_customer_id
from kaireon.core.rest import Choice, Items, JSONObjectField, StrictSerializer, Text
from kaireon.journeys.by_hand import MAX_CUSTOMERS, Enrolling
from kaireon.journeys.enrolling import Deduplication, Enrolled
from kaireon.journeys.models import Enrolment, EnrolmentStatus


class CustomerId(Text):
    """A customer's id, exactly as given."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not is_customer_id(text):
            raise serializers.ValidationError(f"must be {CUSTOMER_ID_RULE}.")
        return text


class EnrolRequest(StrictSerializer):
    """One customer, or up to 1000."""

    customerId = CustomerId(required=False)
    customerIds = Items(child=CustomerId(), max_length=MAX_CUSTOMERS, required=False)
    deduplication = Choice(list(Deduplication), default=Deduplication.SKIP_IF_ACTIVE)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Exactly one of the two."""
        if ("customerId" in attrs) == ("customerIds" in attrs):
            raise serializers.ValidationError("Send either customerId or customerIds.")
        return attrs


class EnrolResult(serializers.Serializer[Any]):
    """What became of one customer."""

    customerId = serializers.CharField()
    status = serializers.ChoiceField(choices=["enrolled", "skipped"])
    enrollmentId = serializers.CharField(required=False)
    reason = serializers.CharField(required=False)


class EnrolAnswer(serializers.Serializer[Any]):
    """What became of all of them, in their order."""

    journeyId = serializers.CharField(source="journey.id")
    journeyName = serializers.CharField(source="journey.name")
    enrolled = serializers.IntegerField(source="enrolled_count")
    skipped = serializers.SerializerMethodField()
    results = serializers.SerializerMethodField()

    def get_skipped(self, done: Enrolling) -> int:
        return len(done.answers) - done.enrolled_count

    @extend_schema_field(EnrolResult(many=True))
    def get_results(self, done: Enrolling) -> list[dict[str, str]]:
        return [
            {"customerId": customer_id, "status": "enrolled", "enrollmentId": answer.enrolment_id}
            if isinstance(answer, Enrolled)
            else {"customerId": customer_id, "status": "skipped", "reason": "already active"}
            for customer_id, answer in zip(done.customer_ids, done.answers, strict=True)
        ]


class EnrolmentBody(serializers.ModelSerializer[Enrolment]):
    """A customer in a journey. `history` holds the latest 200 lines, oldest first."""

    journeyId = serializers.CharField(source="journey_id")
    journeyVersion = serializers.IntegerField(source="journey_version")
    customerId = serializers.CharField(source="customer_id")
    status = serializers.ChoiceField(choices=EnrolmentStatus.choices)
    reason = serializers.SerializerMethodField()
    currentNode = serializers.CharField(source="current_node")
    startedAt = serializers.DateTimeField(source="started_at")
    resumeAt = serializers.DateTimeField(source="resume_at", allow_null=True)
    waitingFor = serializers.SerializerMethodField()
    completedAt = serializers.DateTimeField(source="completed_at", allow_null=True)
    expiresAt = serializers.DateTimeField(source="expires_at")
    recommendation = JSONObjectField(allow_null=True)
    history = serializers.ListField(child=JSONObjectField())
    causedBy = serializers.SerializerMethodField()

    class Meta:
        model = Enrolment
        fields = (
            "id",
            "journeyId",
            "journeyVersion",
            "customerId",
            "status",
            "reason",
            "currentNode",
            "startedAt",
            "resumeAt",
            "waitingFor",
            "completedAt",
            "expiresAt",
            "recommendation",
            "history",
            "causedBy",
            "depth",
        )

    def get_reason(self, enrolment: Enrolment) -> str | None:
        return enrolment.reason or None

    def get_waitingFor(self, enrolment: Enrolment) -> str | None:  # noqa: N802  DRF derives the name from the field's
        return enrolment.waiting_for or None

    def get_causedBy(self, enrolment: Enrolment) -> str | None:  # noqa: N802
        return enrolment.cause or None


class RehearsalRequest(StrictSerializer):
    """An imagined customer, and the event that would enrol."""

    customerAttributes = JSONObjectField(default=dict)
    event = JSONObjectField(required=False)


class WalkedStepBody(serializers.Serializer[Any]):
    """A node that was passed."""

    node = serializers.CharField()
    type = serializers.CharField()
    result = serializers.CharField()


class RehearsalBody(serializers.Serializer[Any]):
    """The way that the customer would go."""

    steps = WalkedStepBody(many=True)
    ends = serializers.CharField()
