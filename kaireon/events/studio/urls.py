"""Where the pages of the event log are, below /studio/."""

from django.urls import URLPattern, path

from kaireon.events.studio import events

urlpatterns: list[URLPattern] = [
    path("events", events.EventList.as_view(), name="studio-events"),
    path("replay-events", events.ReplayEvents.as_view(), name="studio-events-replay"),
    path("events/<str:event_id>/replay", events.ReplayEvent.as_view(), name="studio-event-replay"),
]
