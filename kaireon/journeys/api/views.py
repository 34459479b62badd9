"""The journeys' routes."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from kaireon.accounts.roles import Ability
from kaireon.core import clock
from kaireon.core.errors import ValidationFailed
from kaireon.core.rest import sent_json, validated
from kaireon.events.documents import sent_document
from kaireon.events.ingestion import read_event
from kaireon.journeys.api.filters import EnrolmentFilters, JourneyFilters
from kaireon.journeys.api.serializers import (
    EnrolAnswer,
    EnrolmentBody,
    EnrolRequest,
    RehearsalBody,
    RehearsalRequest,
)
from kaireon.journeys.by_hand import enrol_customers
from kaireon.journeys.definition import JourneyBody, read_journey
from kaireon.journeys.enrolling import Deduplication
from kaireon.journeys.lifecycle import create_journey, delete_journey, find_journey, update_journey
from kaireon.journeys.models import Enrolment, Journey
from kaireon.journeys.rehearsal import rehearse


class JourneyCollection(ListAPIView[Journey]):
    """All journeys, by id."""

    queryset = Journey.objects.order_by("id")
    serializer_class = JourneyBody
    filterset_class = JourneyFilters

    @extend_schema(request=JourneyBody, responses={201: JourneyBody})
    def post(self, request: Request) -> Response:
        """Creates a journey; it is a draft unless another status is given."""
        journey = create_journey(values=read_journey(sent_json(request)), now=clock.now())
        return Response(JourneyBody(journey).data, status=201, headers={"Location": f"{request.path}/{journey.pk}"})


class JourneyItem(APIView):
    """One journey."""

    @extend_schema(responses=JourneyBody)
    def get(self, request: Request, journey_id: str) -> Response:
        """The whole journey."""
        return Response(JourneyBody(find_journey(journey_id)).data)

    @extend_schema(request=JourneyBody(partial=True), responses=JourneyBody)
    def put(self, request: Request, journey_id: str) -> Response:
        """Changes the given fields and leaves the others, as PATCH does."""
        values = read_journey(sent_json(request), existing=find_journey(journey_id))
        return Response(JourneyBody(update_journey(journey_id=journey_id, values=values, now=clock.now())).data)

    @extend_schema(request=JourneyBody(partial=True), responses=JourneyBody)
    def patch(self, request: Request, journey_id: str) -> Response:
        """Changes the given fields and leaves the others."""
        return self.put(request, journey_id)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, journey_id: str) -> Response:
        """Deletes it; its enrolments stay, and those that are active are ended."""
        delete_journey(journey_id=journey_id, now=clock.now())
        return Response(status=204)


class JourneyEnrol(APIView):
    """Enrolling by hand."""

    @extend_schema(request=EnrolRequest, responses={201: EnrolAnswer})
    def post(self, request: Request, journey_id: str) -> Response:
        """Takes one customer or up to 1000 into an active journey, as far as their first wait or the end."""
        find_journey(journey_id)
        values = validated(EnrolRequest, sent_json(request))
        done = enrol_customers(
            journey_id=journey_id,
            customer_ids=values.get("customerIds") or [values["customerId"]],
            deduplication=Deduplication(values["deduplication"]),
            now=clock.now(),
        )
        return Response(EnrolAnswer(done).data, status=201)


class JourneyEnrolments(ListAPIView[Enrolment]):
    """A journey's enrolments, newest first. They stay when the journey is deleted."""

    serializer_class = EnrolmentBody
    filterset_class = EnrolmentFilters
    queryset = Enrolment.objects.order_by("-started_at", "-id")

    def get_queryset(self) -> QuerySet[Enrolment]:
        return super().get_queryset().filter(journey_id=self.kwargs.get("journey_id"))

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Nothing at all is 404 where there is no such journey either."""
        response = super().list(request, *args, **kwargs)
        if not response.data["data"] and not self.get_queryset().exists():
            find_journey(self.kwargs["journey_id"])
        return response


class JourneyTest(APIView):
    """The dry run."""

    abilities = {"POST": Ability.READ}

    @extend_schema(request=RehearsalRequest, responses=RehearsalBody)
    def post(self, request: Request, journey_id: str) -> Response:
        """Walks through the graph for an imagined customer; waits are passed, and nothing is done."""
        journey = find_journey(journey_id)
        values = validated(RehearsalRequest, sent_json(request))
        now = clock.now()
        event = None
        if "event" in values:
            try:
                event = sent_document(read_event(values["event"], path="", source="test"), now=now)
            except ValidationFailed as error:
                raise error.under("event") from None
        return Response(
            RehearsalBody(rehearse(journey, attributes=values["customerAttributes"], event=event, now=now)).data
        )
