"""Paths below /api/v1/."""

from django.urls import path

from kaireon.events.api.views import EventCollection, EventItem, EventReplay

urlpatterns = [
    path("events", EventCollection.as_view(), name="events"),
    path("events/<str:event_id>", EventItem.as_view(), name="event"),
    path("events/<str:event_id>/replay", EventReplay.as_view(), name="event-replay"),
]
