"""Decision flows and recommendations in Django admin, to look at."""

from django.contrib import admin
from django.utils.safestring import SafeString

from kaireon.core.admin import ReadOnlyAdmin, pretty_json
from kaireon.decisioning.models import DecisionFlow, Recommendation


@admin.register(DecisionFlow)
class DecisionFlowAdmin(ReadOnlyAdmin):
    """Decision flows."""

    list_display = ("id", "name", "status", "limit", "updated_at")
    list_filter = ("status",)
    search_fields = ("id", "name")
    ordering = ("id",)
    fields = (
        "id",
        "name",
        ("status", "limit"),
        "shown_candidates",
        "shown_eligibility",
        "shown_score",
        ("created_at", "updated_at"),
    )
    readonly_fields = ("shown_candidates", "shown_eligibility", "shown_score")

    @admin.display(description="candidates")
    def shown_candidates(self, flow: DecisionFlow) -> SafeString:
        return pretty_json(flow.candidates)

    @admin.display(description="eligibility")
    def shown_eligibility(self, flow: DecisionFlow) -> SafeString:
        return pretty_json(flow.eligibility)

    @admin.display(description="score")
    def shown_score(self, flow: DecisionFlow) -> SafeString:
        return pretty_json(flow.score)


@admin.register(Recommendation)
class RecommendationAdmin(ReadOnlyAdmin):
    """Recommendations, newest first, each with the reasons for what it left out."""

    list_display = ("id", "created_at", "customer_id", "flow_id", "first_offer")
    search_fields = ("=id", "=customer_id", "=cause")
    search_help_text = "The whole id of a recommendation, of a customer, or of a firing"
    ordering = ("-id",)
    fields = (
        "id",
        ("customer_id", "flow_id", "cause"),
        "created_at",
        "shown_decisions",
        "shown_filtered",
        "shown_context",
    )
    readonly_fields = ("shown_decisions", "shown_filtered", "shown_context")

    @admin.display(description="best offer")
    def first_offer(self, recommendation: Recommendation) -> str:
        return str(recommendation.decisions[0]["offerName"]) if recommendation.decisions else ""

    @admin.display(description="decisions")
    def shown_decisions(self, recommendation: Recommendation) -> SafeString:
        return pretty_json(recommendation.decisions)

    @admin.display(description="filtered")
    def shown_filtered(self, recommendation: Recommendation) -> SafeString:
        return pretty_json(recommendation.filtered)

    @admin.display(description="context")
    def shown_context(self, recommendation: Recommendation) -> SafeString:
        return pretty_json(recommendation.context)
