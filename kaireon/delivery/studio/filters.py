"""What deliveries can be narrowed by. Every filter leads into an index, together with the order."""

from datetime import datetime, timedelta
from typing import Any

import django_filters
from django.db.models import Q, QuerySet

from kaireon.core.ids import first_id_at
from kaireon.delivery.models import Delivery, Status
from kaireon.delivery.outbox import PREFIX
from kaireon.studio.lists import SearchFilter
from kaireon.studio.moments import MomentFilter

_DISORDER = timedelta(minutes=10)
"""By how much an id and the moment of creation can be at odds: both are of the same call."""


class DeliveryListFilters(django_filters.FilterSet):
    """Ids and hosts are whole, which the indexes can find among millions."""

    search = SearchFilter(method="of_anything", label="Id of a customer, event or firing")
    status = django_filters.ChoiceFilter(
        choices=[
            (Status.PENDING, "Pending"),
            (Status.HELD, "Held"),
            (Status.DELIVERED, "Delivered"),
            (Status.DEAD, "Given up"),
            (Status.CANCELLED, "Cancelled"),
        ],
        empty_label="Any status",
    )
    source_id = django_filters.CharFilter(label="Trigger or journey", max_length=128)
    host = django_filters.CharFilter(method="at_host", label="Host", max_length=255)
    since = MomentFilter(method="from_moment", label="Since (UTC)")
    until = MomentFilter(method="before_moment", label="Until (UTC)")

    class Meta:
        model = Delivery
        fields: tuple[str, ...] = ()

    def of_anything(self, rows: QuerySet[Delivery], name: str, value: Any) -> QuerySet[Delivery]:
        """Our own ids say what they are; an event's and a customer's may be anything."""
        match value[:4]:
            case "dlv_":
                return rows.filter(pk=value)
            case "fir_":
                return rows.filter(firing_id=value)
            case "evt_":
                return rows.filter(event_id=value)
        return rows.filter(Q(customer_id=value) | Q(event_id=value))

    def at_host(self, rows: QuerySet[Delivery], name: str, value: Any) -> QuerySet[Delivery]:
        """A host without a port means those of HTTPS and HTTP. The mail server is `e-mail`."""
        if ":" in value or value == "e-mail":
            return rows.filter(host=value)
        return rows.filter(host__in=[f"{value}:443", f"{value}:80"])

    def from_moment(self, rows: QuerySet[Delivery], name: str, value: datetime) -> QuerySet[Delivery]:
        """Ids grow with time, so the moment is a bound of the order as well, and nothing older is looked at."""
        return rows.filter(created_at__gte=value, id__gte=first_id_at(PREFIX, value - _DISORDER))

    def before_moment(self, rows: QuerySet[Delivery], name: str, value: datetime) -> QuerySet[Delivery]:
        return rows.filter(created_at__lt=value, id__lt=first_id_at(PREFIX, value + _DISORDER))
