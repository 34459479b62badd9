"""Filters of the records' list."""

from django_filters import rest_framework as filters

from kaireon.core.rest.filters import TextFilter
from kaireon.customers.models import Record


class RecordFilters(filters.FilterSet):
    """By one customer's whole id."""

    customerId = TextFilter(field_name="customer_id")

    class Meta:
        model = Record
        fields: tuple[str, ...] = ()
