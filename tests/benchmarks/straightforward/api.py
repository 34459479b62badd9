"""Plain Django REST framework: serializers, and a model saved or many created. Nobody has to show a key."""

from typing import Any, ClassVar

from celery import Task, current_app
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from kaireon.core import clock
from kaireon.events.models import Event
from tests.benchmarks.straightforward.events import message_of, new_event


class EventBody(serializers.Serializer[Event]):
    """The rules that the product has for events, as serializers have them; ids are made here."""

    eventType = serializers.RegexField(r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*\Z", max_length=100)
    customerId = serializers.CharField(required=False, max_length=255)
    timestamp = serializers.DateTimeField(required=False)
    properties = serializers.DictField(required=False)


def _event_of(valid: dict[str, Any]) -> Event:
    now = clock.now()
    return new_event(
        event_type=valid["eventType"],
        customer_id=valid.get("customerId"),
        properties=valid.get("properties", {}),
        occurred_at=valid.get("timestamp") or now,
        now=now,
    )


class OneEvent(APIView):
    """Saves one event; with a task, sends one message."""

    task: ClassVar[Task[Any, None] | None] = None

    def post(self, request: Request) -> Response:
        body = EventBody(data=request.data)
        body.is_valid(raise_exception=True)
        event = _event_of(body.validated_data)
        event.save(force_insert=True)
        if self.task is not None:
            self.task.apply_async(kwargs=message_of(event))
        return Response({"eventId": event.event_id}, status=202)


class ManyEvents(APIView):
    """Creates many events in one transaction; with a task, sends a message for each."""

    task: ClassVar[Task[Any, None] | None] = None

    def post(self, request: Request) -> Response:
        body = EventBody(data=request.data, many=True)
        body.is_valid(raise_exception=True)
        events = Event.objects.bulk_create(map(_event_of, body.validated_data))
        if self.task is not None:
            with current_app.producer_or_acquire() as producer:
                for event in events:
                    self.task.apply_async(kwargs=message_of(event), producer=producer)
        return Response({"results": [{"eventId": event.event_id} for event in events]}, status=202)
