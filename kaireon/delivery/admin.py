"""Deliveries and their receivers in Django admin: read, send again, probe."""

from datetime import datetime

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.admin import TabularInline

from kaireon.accounts.roles import Ability, may
from kaireon.core import clock
from kaireon.core.admin import ReadOnlyAdmin, pretty_json
from kaireon.core.errors import Conflict
from kaireon.delivery.circuits import probe_soon, with_circuits, with_waiting
from kaireon.delivery.models import Attempt, Circuit, Delivery
from kaireon.delivery.redelivery import redeliver
from kaireon.delivery.waking import wake


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
        "shown_reason",
        ("source", "source_id"),
        ("firing_id", "event_id", "customer_id"),
        ("kind", "method", "shown_url"),
        "shown_headers",
        "shown_body",
        ("attempts", "last_status", "last_error"),
        ("created_at", "shown_next_attempt_at", "delivered_at"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        return with_circuits(super().get_queryset(request))

    @admin.display(description="reason")
    def shown_reason(self, delivery: Delivery) -> str:
        return delivery.shown_reason or "-"

    @admin.display(description="next attempt at")
    def shown_next_attempt_at(self, delivery: Delivery) -> datetime | None:
        return delivery.shown_next_attempt_at

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
        return ("shown_url", "shown_headers", "shown_body", "shown_reason", "shown_next_attempt_at")


@admin.register(Circuit)
class CircuitAdmin(ReadOnlyAdmin):
    """Read-only: receivers that have failed lately, and whether anything is sent to them."""

    list_display = ("host", "state", "failures", "opened_at", "probe_at", "waiting", "last_error", "updated_at")
    search_fields = ("host",)
    ordering = ("host",)
    list_per_page = 50
    actions = ("probe_now",)
    fields = (
        ("host", "state"),
        ("failures", "failing_since", "last_error"),
        ("opened_at", "openings", "closed_at"),
        ("probe_at", "probe_id", "probe_until"),
        ("waiting", "updated_at"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Circuit]:
        return with_waiting(super().get_queryset(request))

    @admin.display(description="state")
    def state(self, circuit: Circuit) -> str:
        return str(circuit.state(now=clock.now()).label)

    @admin.display(description="waiting")
    def waiting(self, circuit: Circuit) -> int:
        return int(getattr(circuit, "waiting", None) or 0)

    @admin.action(description="Probe now", permissions=["probe_now"])
    def probe_now(self, request: HttpRequest, queryset: QuerySet[Circuit]) -> None:
        """One delivery is sent to each at once, in the place of at the next moment."""
        count = probe_soon(list(queryset.values_list("pk", flat=True)), now=clock.now())
        wake()
        self.message_user(request, f"Receivers that are probed now: {count}.")

    def has_probe_now_permission(self, request: HttpRequest) -> bool:
        """Whoever may write by API."""
        return may(getattr(request.user, "role", ""), Ability.WRITE)

    def get_readonly_fields(self, request: HttpRequest, obj: Circuit | None = None) -> tuple[str, ...]:
        """What is shown without being a field."""
        return ("state", "waiting")
