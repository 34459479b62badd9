"""Filters of the lists of records, segments and members."""

from django_filters import rest_framework as filters

from kaireon.core.rest.filters import TextFilter
from kaireon.customers.models import Membership, Record, Segment


class RecordFilters(filters.FilterSet):
    """By one customer's whole id."""

    customerId = TextFilter(field_name="customer_id")

    class Meta:
        model = Record
        fields: tuple[str, ...] = ()


class SegmentFilters(filters.FilterSet):
    """Those of one schema."""

    schemaId = TextFilter(field_name="schema_id")

    class Meta:
        model = Segment
        fields: tuple[str, ...] = ()


class MemberFilters(filters.FilterSet):
    """By one customer's whole id."""

    customerId = TextFilter(field_name="customer_id")

    class Meta:
        model = Membership
        fields: tuple[str, ...] = ()
