"""The list of triggers."""

from typing import Any

import django_filters
from django.db.models import QuerySet

from kaireon.studio.lists import NumberedList, SearchFilter
from triggers.models import Status, Trigger


class TriggerListFilters(django_filters.FilterSet):
    """What the list can be narrowed by."""

    search = SearchFilter(method="search_text", label="Search triggers")
    status = django_filters.ChoiceFilter(choices=Status.choices, empty_label="Any status")

    class Meta:
        model = Trigger
        fields: tuple[str, ...] = ()

    def search_text(self, rows: QuerySet[Trigger], name: str, value: Any) -> QuerySet[Trigger]:
        return rows.filter(name__icontains=value)


class TriggerList(NumberedList[Trigger]):
    """Every trigger."""

    title = "Triggers"
    section = "Triggers"
    template_name = "studio/triggers/list.html"
    filters = TriggerListFilters
    sorts = {"-priority": ("-priority", "id"), "name": ("name", "id"), "-name": ("-name", "id")}

    def rows(self) -> QuerySet[Trigger]:
        return Trigger.objects.all()
