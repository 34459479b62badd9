"""Deliveries in Django admin: read, and send again."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.admin import TabularInline

from kaireon.accounts.roles import Ability, may
from kaireon.core import clock
from kaireon.core.admin import ReadOnlyAdmin, pretty_json
from kaireon.core.errors import Conflict
from kaireon.delivery.models import Attempt, Delivery
from kaireon.delivery.redelivery import redeliver


class AttemptInline(TabularInline):
    """The attempts of a delivery."""

    model = Attempt
    extra = 0
    can_delete = False
    fields = (
        "number",
        "started_at",
        "duration_ms",
        "response_status",
        "error",
        "response_excerpt",
        "manual",
    )
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest, obj: Delivery | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Delivery | None = None) -> bool:
        return False


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    """Read-only. Requests are shown with `{{secret.name}}` in the place of secrets."""

    list_display = ("id", "kind", "status", "created_at", "source_id", "customer_id", "host", "attempts", "last_status")
    list_filter = ("status", "kind", "created_at")
    search_fields = ("=id", "=source_id", "=firing_id", "=event_id", "=customer_id")
    ordering = ("-id",)
    list_per_page = 50
    inlines = (AttemptInline,)
    actions = ("send_again",)
    fields = (
        ("id", "status"),
        "reason",
        ("source", "source_id"),
        ("firing_id", "event_id", "customer_id"),
        ("kind", "method", "shown_url"),
        "shown_headers",
        "shown_body",
        ("attempts", "last_status", "last_error"),
        ("created_at", "next_attempt_at", "delivered_at"),
    )

    @admin.display(description="URL")
    def shown_url(self, delivery: Delivery) -> str:
        return delivery.masked_url

    @admin.display(description="headers")
    def shown_headers(self, delivery: Delivery) -> SafeString:
        return pretty_json(delivery.masked_headers)

    @admin.display(description="body")
    def shown_body(self, delivery: Delivery) -> SafeString:
        return pretty_json(delivery.masked_body)

    @admin.action(description="Send again", permissions=["send_again"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        """Those that have ended; the others are named."""
        count = 0
        for delivery in queryset:
            try:
                redeliver(delivery=delivery, now=clock.now())
                count += 1
            except Conflict as conflict:
                self.message_user(request, conflict.message, messages.WARNING)
        if count:
            self.message_user(request, f"Queued again: {count}.")

    def has_send_again_permission(self, request: HttpRequest) -> bool:
        """Whoever may write by API."""
        return may(getattr(request.user, "role", ""), Ability.WRITE)

    def get_readonly_fields(self, request: HttpRequest, obj: Delivery | None = None) -> tuple[str, ...]:
        """What is shown without being a field."""
        return ("shown_url", "shown_headers", "shown_body")
