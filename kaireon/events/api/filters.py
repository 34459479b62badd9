"""Filters of the events' lists."""

from django_filters import rest_framework as filters

from kaireon.core.rest.filters import OneOf, Since, TextFilter, Until
from kaireon.events.models import Event, EventStatus, StreamDeadLetter


class EventFilters(filters.FilterSet):
    """`since` and `until` ask when an event was received."""

    eventType = TextFilter(field_name="event_type")
    customerId = TextFilter(field_name="customer_id")
    status = OneOf(EventStatus.values)
    since = Since("received_at")
    until = Until("received_at")

    class Meta:
        model = Event
        fields: tuple[str, ...] = ()


class StreamDeadLetterFilters(filters.FilterSet):
    """`since` and `until` ask when a message was set aside."""

    source = TextFilter(field_name="source")
    since = Since("received_at")
    until = Until("received_at")

    class Meta:
        model = StreamDeadLetter
        fields: tuple[str, ...] = ()
