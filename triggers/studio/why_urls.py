"""Where events and customers are explained, below /studio/. Behind all others: a customer's id may be anything."""

from django.urls import path

from triggers.studio.event_page import EventPage
from triggers.studio.why import CustomerPage, Why
from triggers.studio.why_not_page import WhyNotPage

urlpatterns = [
    path("events/<str:event_id>", EventPage.as_view(), name="studio-event"),
    path("why", Why.as_view(), name="studio-why"),
    path("why-not/<path:customer_id>", WhyNotPage.as_view(), name="studio-why-not"),
    path("customers/<path:customer_id>", CustomerPage.as_view(), name="studio-customer"),
]
