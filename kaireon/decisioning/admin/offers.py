"""Offers in Django admin, to look at."""

from django.contrib import admin
from django.utils.safestring import SafeString

from kaireon.core.admin import ReadOnlyAdmin, pretty_json
from kaireon.decisioning.budgets import budget_of, spent_of
from kaireon.decisioning.models import Offer


@admin.register(Offer)
class OfferAdmin(ReadOnlyAdmin):
    """Offers."""

    list_display = ("id", "name", "status", "category", "priority", "starts_at", "ends_at", "exhausted_at")
    list_filter = ("status",)
    search_fields = ("id", "name", "category")
    ordering = ("-priority", "id")
    fieldsets = (
        (None, {"fields": ("id", "name", "status", "category", "tags", ("priority", "business_value"))}),
        ("When and for whom", {"fields": (("starts_at", "ends_at", "expired_at"), "shown_eligibility")}),
        ("Budget", {"fields": ("shown_budget", "shown_spent", "cost_per_outcome", "exhausted_at")}),
        ("Facts", {"fields": ("shown_attributes", ("created_at", "updated_at"))}),
    )
    readonly_fields = ("shown_eligibility", "shown_budget", "shown_spent", "shown_attributes")

    @admin.display(description="eligibility")
    def shown_eligibility(self, offer: Offer) -> SafeString:
        return pretty_json(offer.eligibility)

    @admin.display(description="budget")
    def shown_budget(self, offer: Offer) -> SafeString:
        return pretty_json(budget_of(offer))

    @admin.display(description="spent")
    def shown_spent(self, offer: Offer) -> SafeString:
        return pretty_json(spent_of(offer))

    @admin.display(description="attributes")
    def shown_attributes(self, offer: Offer) -> SafeString:
        return pretty_json(offer.attributes)
