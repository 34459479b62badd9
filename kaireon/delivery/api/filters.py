"""What deliveries can be filtered by."""

from django_filters.rest_framework import FilterSet

from kaireon.core.rest.filters import OneOf, Since, TextFilter, Until
from kaireon.delivery.models import Kind, Status


class DeliveryFilters(FilterSet):
    """Each one narrows the list further."""

    status = OneOf(Status.values)
    kind = OneOf(Kind.values)
    triggerId = TextFilter(field_name="source_id")
    firingId = TextFilter(field_name="firing_id")
    eventId = TextFilter(field_name="event_id")
    customerId = TextFilter(field_name="customer_id")
    since = Since("created_at")
    until = Until("created_at")
