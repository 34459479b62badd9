"""Paths below /api/v1/."""

from django.urls import path

from kaireon.events.api.views import (
    EventCollection,
    EventItem,
    EventReplay,
    StreamCollection,
    StreamDeadLetterCollection,
)

urlpatterns = [
    path("events", EventCollection.as_view(), name="events"),
    path("events/<str:event_id>", EventItem.as_view(), name="event"),
    path("events/<str:event_id>/replay", EventReplay.as_view(), name="event-replay"),
    path("streams", StreamCollection.as_view(), name="streams"),
    path("stream-dead-letters", StreamDeadLetterCollection.as_view(), name="stream-dead-letters"),
]
