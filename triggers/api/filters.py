"""Filters of the triggers' lists."""

from typing import Any

from django.db.models import Q, QuerySet
from django_filters import rest_framework as filters

from kaireon.core.rest.filters import OneOf, Since, TextFilter, Until
from triggers.models import Firing, Outcome, Status, Trigger


class TriggerFilters(filters.FilterSet):
    """`search` looks into id, name and description."""

    status = OneOf(Status.values)
    eventType = TextFilter(field_name="event_type")
    actionType = TextFilter(field_name="action_type")
    search = TextFilter(method="search_text", max_length=200)

    class Meta:
        model = Trigger
        fields: tuple[str, ...] = ()

    def search_text(self, triggers: QuerySet[Trigger], name: str, value: Any) -> QuerySet[Trigger]:
        """Every word must be found somewhere."""
        for word in str(value).split():
            triggers = triggers.filter(Q(id__icontains=word) | Q(name__icontains=word) | Q(description__icontains=word))
        return triggers


class FiringFilters(filters.FilterSet):
    """`since` and `until` ask when the trigger fired."""

    customerId = TextFilter(field_name="customer_id")
    outcome = OneOf(Outcome.values)
    since = Since("fired_at")
    until = Until("fired_at")

    class Meta:
        model = Firing
        fields: tuple[str, ...] = ()
