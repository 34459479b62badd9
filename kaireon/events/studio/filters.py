"""What the event log can be narrowed by. Every filter leads into an index, together with the order."""

from datetime import datetime, timedelta
from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet

from kaireon.events.models import Event, EventStatus
from kaireon.events.names import sources
from kaireon.studio.lists import SearchFilter
from kaireon.studio.moments import MomentFilter

_DISORDER = timedelta(minutes=10)
"""By how much an event's number and the moment that it came can be at odds: the longest that a request may take."""


class EventListFilters(django_filters.FilterSet):
    """Customer and type are whole names, which the indexes can find among millions."""

    customer = SearchFilter(method="of_customer", label="Customer id")
    event_type = django_filters.CharFilter(
        label="Type", max_length=100, widget=forms.TextInput(attrs={"list": "event-types", "autocomplete": "off"})
    )
    status = django_filters.ChoiceFilter(
        choices=[
            (EventStatus.PENDING, "Pending"),
            (EventStatus.PROCESSED, "Processed"),
            (EventStatus.FAILED, "Failed"),
        ],
        empty_label="Any status",
    )
    source = django_filters.ChoiceFilter(choices=lambda: [(name, name) for name in sources()], empty_label="Any source")
    since = MomentFilter(method="from_moment", label="Since (UTC)")
    until = MomentFilter(method="before_moment", label="Until (UTC)")

    class Meta:
        model = Event
        fields: tuple[str, ...] = ()

    def of_customer(self, rows: QuerySet[Event], name: str, value: Any) -> QuerySet[Event]:
        return rows.filter(customer_id=value)

    def from_moment(self, rows: QuerySet[Event], name: str, value: datetime) -> QuerySet[Event]:
        """Numbers grow with time, so the moment is a bound of the order as well, and nothing older is looked at."""
        before = Event.objects.filter(received_at__lt=value - _DISORDER).order_by("-received_at")
        number = before.values_list("sequence", flat=True).first()
        rows = rows.filter(received_at__gte=value)
        return rows if number is None else rows.filter(sequence__gt=number)

    def before_moment(self, rows: QuerySet[Event], name: str, value: datetime) -> QuerySet[Event]:
        after = Event.objects.filter(received_at__gte=value + _DISORDER).order_by("received_at")
        number = after.values_list("sequence", flat=True).first()
        rows = rows.filter(received_at__lt=value)
        return rows if number is None else rows.filter(sequence__lt=number)
