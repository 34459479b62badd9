"""Paths below /api/v1/."""

from django.urls import path

from triggers.api.views import EventChain, FiringChain, TriggerCollection, TriggerFirings, TriggerItem, TriggerTest

urlpatterns = [
    path("triggers", TriggerCollection.as_view(), name="triggers"),
    path("triggers/<str:trigger_id>", TriggerItem.as_view(), name="trigger"),
    path("triggers/<str:trigger_id>/test", TriggerTest.as_view(), name="trigger-test"),
    path("triggers/<str:trigger_id>/firings", TriggerFirings.as_view(), name="trigger-firings"),
    path("events/<str:event_id>/chain", EventChain.as_view(), name="event-chain"),
    path("firings/<str:firing_id>/chain", FiringChain.as_view(), name="firing-chain"),
]
