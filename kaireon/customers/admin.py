"""Schemas, records and segments in Django admin, to look at. The API changes them, which checks and publishes."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from kaireon.core.admin import ReadOnlyAdmin
from kaireon.customers.models import Record, Schema, Segment


@admin.register(Schema)
class SchemaAdmin(ReadOnlyAdmin):
    """Schemas."""

    list_display = ("id", "name", "display_name", "is_default", "updated_at")
    search_fields = ("id", "name", "display_name")
    ordering = ("id",)


@admin.register(Record)
class RecordAdmin(ReadOnlyAdmin):
    """Records. The search finds one customer by the whole id, which the index can do for millions."""

    list_display = ("customer_id", "schema", "created_at", "updated_at")
    list_filter = ("schema",)
    list_select_related = ("schema",)
    search_fields = ("customer_id",)
    search_help_text = "A customer's whole id"
    ordering = ("-id",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Record], search_term: str
    ) -> tuple[QuerySet[Record], bool]:
        term = search_term.strip()
        return (queryset.filter(customer_id=term) if term else queryset), False


@admin.register(Segment)
class SegmentAdmin(ReadOnlyAdmin):
    """Segments; who is in them is told by the API."""

    list_display = ("id", "name", "schema", "is_evaluating", "done", "total", "updated_at")
    list_filter = ("schema", "is_evaluating")
    list_select_related = ("schema",)
    search_fields = ("id", "name")
    ordering = ("id",)
