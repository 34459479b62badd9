"""Paths below /api/v1/."""

from django.urls import path

from kaireon.journeys.api.views import JourneyCollection, JourneyEnrol, JourneyEnrolments, JourneyItem, JourneyTest

urlpatterns = [
    path("journeys", JourneyCollection.as_view(), name="journeys"),
    path("journeys/<str:journey_id>", JourneyItem.as_view(), name="journey"),
    path("journeys/<str:journey_id>/enroll", JourneyEnrol.as_view(), name="journey-enroll"),
    path("journeys/<str:journey_id>/enrollments", JourneyEnrolments.as_view(), name="journey-enrollments"),
    path("journeys/<str:journey_id>/test", JourneyTest.as_view(), name="journey-test"),
]
