"""The events' routes."""

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from kaireon.accounts.roles import Ability
from kaireon.core import clock
from kaireon.core.errors import NotFound
from kaireon.core.rest import expect_no_body, sent_json
from kaireon.events.api.filters import EventFilters, StreamDeadLetterFilters
from kaireon.events.api.serializers import (
    EventDetail,
    EventSummary,
    IngestionResult,
    SentEvent,
    StreamDeadLetterBody,
    StreamProgressBody,
)
from kaireon.events.capacity import admit
from kaireon.events.ingestion import ingest
from kaireon.events.models import Event, StreamDeadLetter, StreamProgress
from kaireon.events.publish import Accepted
from kaireon.events.replay import replay


def find_event(event_id: str) -> Event:
    """The event with that id. Raises NotFound."""
    event = Event.objects.filter(event_id=event_id).first()
    if event is None:
        raise NotFound(f"There is no event {event_id!r}.")
    return event


class EventCollection(ListAPIView[Event]):
    """Sending events, and looking through them, newest first."""

    abilities = {"POST": Ability.SEND}
    queryset = Event.objects.order_by("-sequence")
    serializer_class = EventSummary
    filterset_class = EventFilters

    @extend_schema(
        request=PolymorphicProxySerializer(
            component_name="OneOrManyEvents",
            serializers=[SentEvent, SentEvent(many=True)],
            resource_type_field_name=None,
            many=False,
        ),
        responses={202: IngestionResult},
    )
    def post(self, request: Request) -> Response:
        """Takes one event or an array of 1 to 1000: all are valid or nothing is stored."""
        # A valid single event with a key does not come here: `door` has taken it.
        body = sent_json(request)
        admit(len(body) if isinstance(body, list) else 1)
        return Response(answer_to(ingest(body, source="api", now=clock.now())), status=202)


def answer_to(results: Sequence[Accepted]) -> dict[str, Any]:
    """The body that says of each event what became of it."""
    duplicates = sum(result.is_duplicate for result in results)
    return {
        "accepted": len(results) - duplicates,
        "duplicates": duplicates,
        "results": [
            {
                "eventId": result.event_id,
                "eventType": result.event_type,
                "status": "duplicate" if result.is_duplicate else "accepted",
            }
            for result in results
        ],
    }


class EventItem(RetrieveAPIView[Event]):
    """One event with its ledger: what each trigger that listens to its type decided, and why."""

    serializer_class = EventDetail

    def get_object(self) -> Event:
        return find_event(self.kwargs["event_id"])


class EventReplay(APIView):
    """Sending a failed event back to the queue."""

    @extend_schema(request=None, responses={202: EventDetail})
    def post(self, request: Request, event_id: str) -> Response:
        """What already fired does not fire again."""
        expect_no_body(request)
        return Response(EventDetail(replay(event=find_event(event_id))).data, status=202)


class StreamCollection(ListAPIView[StreamProgress]):
    """How far each group has come in each stream: lag, rate and counts."""

    queryset = StreamProgress.objects.order_by("source", "stream", "group")
    serializer_class = StreamProgressBody


class StreamDeadLetterCollection(ListAPIView[StreamDeadLetter]):
    """Messages of streams that could not become events, newest first."""

    queryset = StreamDeadLetter.objects.order_by("-received_at", "-id")
    serializer_class = StreamDeadLetterBody
    filterset_class = StreamDeadLetterFilters
