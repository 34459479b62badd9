"""Journeys and enrolments in Django admin, to look at. They are changed by the API, which checks and audits."""

from django.contrib import admin
from django.utils.safestring import SafeString

from kaireon.core.admin import ReadOnlyAdmin, pretty_json
from kaireon.journeys.models import Enrolment, Journey


@admin.register(Journey)
class JourneyAdmin(ReadOnlyAdmin):
    """Journeys."""

    list_display = ("id", "name", "status", "max_duration_days", "version", "updated_at")
    list_filter = ("status",)
    search_fields = ("id", "name", "description")
    ordering = ("id",)
    fields = (
        ("id", "name", "status"),
        "description",
        ("max_duration_days", "version"),
        "shown_definition",
        ("created_at", "updated_at"),
    )
    readonly_fields = ("shown_definition",)

    @admin.display(description="definition")
    def shown_definition(self, journey: Journey) -> SafeString:
        return pretty_json(journey.definition)


@admin.register(Enrolment)
class EnrolmentAdmin(ReadOnlyAdmin):
    """Enrolments, newest first. The search finds whole ids, which the indexes can do for millions."""

    list_display = ("started_at", "journey_id", "customer_id", "status", "reason", "current_node", "resume_at")
    list_filter = ("status",)
    search_fields = ("=id", "=journey_id", "=customer_id")
    search_help_text = "The whole id of an enrolment, a journey or a customer"
    ordering = ("-id",)
    fields = (
        ("id", "journey_id", "journey_version", "customer_id"),
        ("status", "reason", "current_node"),
        ("started_at", "resume_at", "waiting_for"),
        ("completed_at", "expires_at"),
        ("cause", "depth", "steps", "is_single"),
        "shown_history",
        "shown_recommendation",
        "shown_event",
    )
    readonly_fields = ("shown_history", "shown_recommendation", "shown_event")

    @admin.display(description="history")
    def shown_history(self, enrolment: Enrolment) -> SafeString:
        return pretty_json(enrolment.history)

    @admin.display(description="recommendation")
    def shown_recommendation(self, enrolment: Enrolment) -> SafeString:
        return pretty_json(enrolment.recommendation)

    @admin.display(description="event")
    def shown_event(self, enrolment: Enrolment) -> SafeString:
        return pretty_json(enrolment.event)
