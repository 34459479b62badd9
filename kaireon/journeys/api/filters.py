"""Filters of the journeys' lists."""

from typing import Any

from django.db.models import Q, QuerySet
from django_filters import rest_framework as filters

from kaireon.core.rest.filters import OneOf, TextFilter
from kaireon.journeys.models import Enrolment, EnrolmentStatus, Journey, JourneyStatus


class JourneyFilters(filters.FilterSet):
    """`search` looks into id, name and description."""

    status = OneOf(JourneyStatus.values)
    search = TextFilter(method="search_text", max_length=200)

    class Meta:
        model = Journey
        fields: tuple[str, ...] = ()

    def search_text(self, journeys: QuerySet[Journey], name: str, value: Any) -> QuerySet[Journey]:
        """Every word must be found somewhere."""
        for word in str(value).split():
            journeys = journeys.filter(Q(id__icontains=word) | Q(name__icontains=word) | Q(description__icontains=word))
        return journeys


class EnrolmentFilters(filters.FilterSet):
    """By one customer's whole id, and by status."""

    customerId = TextFilter(field_name="customer_id")
    status = OneOf(EnrolmentStatus.values)

    class Meta:
        model = Enrolment
        fields: tuple[str, ...] = ()
