"""Schemas and records in Django admin, to look at. They are changed by the API, which checks and publishes."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from kaireon.customers.models import Record, Schema


class _ReadOnlyAdmin(ModelAdmin):
    """Lists and shows."""

    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Schema)
class SchemaAdmin(_ReadOnlyAdmin):
    """Schemas."""

    list_display = ("id", "name", "display_name", "is_default", "updated_at")
    search_fields = ("id", "name", "display_name")
    ordering = ("id",)


@admin.register(Record)
class RecordAdmin(_ReadOnlyAdmin):
    """Records. The search finds one customer by the whole id, which the index can do for millions."""

    list_display = ("customer_id", "schema", "created_at", "updated_at")
    list_filter = ("schema",)
    list_select_related = ("schema",)
    search_fields = ("customer_id",)
    search_help_text = "A customer's whole id"
    ordering = ("-id",)
    show_full_result_count = False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Record], search_term: str
    ) -> tuple[QuerySet[Record], bool]:
        term = search_term.strip()
        return (queryset.filter(customer_id=term) if term else queryset), False
