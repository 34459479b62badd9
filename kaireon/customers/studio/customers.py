"""The list of customers who have a record. What is known of one, and why, is in `triggers.studio`."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import django_filters
from django.db.models import QuerySet
from django.db.models.functions import Collate
from django.db.models.lookups import GreaterThan, StartsWith
from django.utils.functional import cached_property

from kaireon.core.ids import CUSTOMER_ID_MAX_LENGTH
from kaireon.customers.models import Record, Schema
from kaireon.studio.lists import EndlessList, SearchFilter

COLUMNS = 4
"""Attributes shown beside each customer: the first ones of the schema."""
ORDER = Collate("customer_id", "C")
"""Ids in the order of their characters, whatever the database's order is: the same index finds how they begin."""


class CustomerFilters(django_filters.FilterSet):
    """The schema, and the beginning of an id; a whole one is its own beginning, and comes first."""

    search = SearchFilter(method="beginning_with", label="Customer id, or how it begins")
    schema = django_filters.ChoiceFilter(
        choices=lambda: Schema.objects.order_by("name").values_list("pk", "name"),
        method="of_schema",
        empty_label=None,
        label="Schema",
    )

    class Meta:
        model = Record
        fields: tuple[str, ...] = ()

    def of_schema(self, rows: QuerySet[Record], name: str, value: Any) -> QuerySet[Record]:
        return rows  # The list begins with one schema's rows; see CustomerList.rows.

    def beginning_with(self, rows: QuerySet[Record], name: str, value: Any) -> QuerySet[Record]:
        return rows.filter(StartsWith(ORDER, value))


class CustomerList(EndlessList[Record]):
    """The records of one schema, by customer id from the first one on."""

    title = "Customers"
    section = "Customers"
    template_name = "studio/customers/list.html"
    filters = CustomerFilters
    keys = ("customer_id",)

    def rows(self) -> QuerySet[Record]:
        return Record.objects.filter(schema_id=self.schema.pk if self.schema else None)

    @cached_property
    def schema(self) -> Schema | None:
        """The schema that was asked for, else the default one; None where there is none."""
        wish = self.request.GET.get("schema", "")
        return Schema.objects.filter(**{"pk": wish} if wish else {"is_default": True}).first()

    def filtered(self) -> tuple[QuerySet[Record], django_filters.FilterSet]:
        """The schema is always chosen: the field shows the one whose records these are."""
        asked = self.request.GET.copy()
        if self.schema and not asked.get("schema"):
            asked["schema"] = self.schema.pk
        filterset = self.filters(asked, queryset=self.rows(), request=self.request)
        return (filterset.qs if filterset.is_valid() else self.rows().none()), filterset

    def decorate(self, rows: Sequence[Record]) -> Mapping[str, Any]:
        names = [one["name"] for one in self.schema.fields[:COLUMNS]] if self.schema else []
        return {
            "schema": self.schema,
            "columns": names,
            "cells": {record.pk: [(name, _shown(record.attributes.get(name))) for name in names] for record in rows},
        }

    def _page(self, rows: QuerySet[Record], before: str) -> list[Record]:
        """From the first id on: `before` is the last one of the page before."""
        if before and len(before) <= CUSTOMER_ID_MAX_LENGTH and "\0" not in before:
            rows = rows.filter(GreaterThan(ORDER, before))
        return list(rows.order_by(ORDER)[: self.page_size + 1])


def _shown(value: Any) -> str:
    """Text as it is, anything else as JSON; what is absent is empty."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
