"""Outcomes and the installation's own outcome types in Django admin, to look at."""

from django.contrib import admin
from django.utils.safestring import SafeString

from kaireon.core.admin import ReadOnlyAdmin, pretty_json
from kaireon.decisioning.models import Interaction, OutcomeType


@admin.register(OutcomeType)
class OutcomeTypeAdmin(ReadOnlyAdmin):
    """Outcome types of the installation's own; those of the product are in the API and in docs/outcomes.md."""

    list_display = ("key", "label", "classification", "counts_as_impression", "counts_as_conversion", "updated_at")
    list_filter = ("classification",)
    search_fields = ("key", "label")
    ordering = ("key",)


@admin.register(Interaction)
class InteractionAdmin(ReadOnlyAdmin):
    """Outcomes, newest first."""

    list_display = ("recorded_at", "customer_id", "outcome", "classification", "offer_id", "channel_id")
    list_filter = ("classification",)
    search_fields = ("=customer_id", "=offer_id", "=recommendation_id", "=id")
    search_help_text = "The whole id of a customer, offer, recommendation or interaction"
    ordering = ("-id",)
    fields = (
        ("id", "event_id"),
        ("customer_id", "outcome", "classification"),
        ("offer_id", "channel_id"),
        ("recommendation_id", "rank"),
        "conversion_value",
        "shown_metadata",
        "shown_context",
        ("occurred_at", "recorded_at"),
        "idempotency_key",
    )
    readonly_fields = ("shown_metadata", "shown_context")

    @admin.display(description="metadata")
    def shown_metadata(self, interaction: Interaction) -> SafeString:
        return pretty_json(interaction.metadata)

    @admin.display(description="context")
    def shown_context(self, interaction: Interaction) -> SafeString:
        return pretty_json(interaction.context)
