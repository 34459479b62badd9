"""Events and streams in Django admin: to look at, and to send failed events back to the queue."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from kaireon.core.admin import ReadOnlyAdmin, pretty_json
from kaireon.core.errors import ApiError
from kaireon.events.ledgers import whole_ledger
from kaireon.events.models import Event, StreamDeadLetter, StreamProgress
from kaireon.events.replay import replay


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    """The event log, newest first. The search finds whole ids, which the indexes can do for millions."""

    list_display = ("received_at", "event_type", "customer_id", "event_id", "source", "status", "attempts")
    list_filter = ("status", "source")
    search_fields = ("=event_id", "=customer_id", "=event_type")
    search_help_text = "The whole id of an event or customer, or an event type"
    ordering = ("-sequence",)
    actions = ("replay_events",)
    fields = (
        ("event_id", "event_type", "customer_id"),
        ("occurred_at", "received_at", "processed_at"),
        "shown_properties",
        "shown_decisions",
        ("status", "attempts", "next_attempt_at"),
        "error",
        ("source", "cause", "depth", "lane"),
    )
    readonly_fields = ("shown_properties", "shown_decisions")

    @admin.display(description="properties")
    def shown_properties(self, event: Event) -> SafeString:
        return pretty_json(event.properties)

    @admin.display(description="decisions")
    def shown_decisions(self, event: Event) -> SafeString:
        return pretty_json(whole_ledger(event))

    @admin.action(description="Replay selected failed events", permissions=["replay"])
    def replay_events(self, request: HttpRequest, queryset: QuerySet[Event]) -> None:
        """Says of each event what became of it."""
        for event in queryset.order_by("sequence"):
            try:
                replay(event=event)
            except ApiError as error:
                self.message_user(request, f"{event.event_id}: {error.message}", messages.ERROR)
            else:
                self.message_user(request, f"{event.event_id} is queued again.", messages.SUCCESS)

    def has_replay_permission(self, request: HttpRequest) -> bool:
        """What a failed event does again is a write."""
        return request.user.is_superuser


@admin.register(StreamProgress)
class StreamProgressAdmin(ReadOnlyAdmin):
    """How far each group has come in each stream."""

    list_display = (
        "stream",
        "group",
        "source",
        "lag",
        "rate_per_second",
        "events_stored",
        "duplicates",
        "dead_letters",
        "last_position",
        "updated_at",
    )
    list_filter = ("source",)
    ordering = ("source", "stream", "group")


@admin.register(StreamDeadLetter)
class StreamDeadLetterAdmin(ReadOnlyAdmin):
    """Messages of streams that could not become events, newest first."""

    list_display = ("received_at", "source", "position", "reason")
    list_filter = ("source",)
    search_fields = ("=position",)
    search_help_text = "A whole position"
    ordering = ("-received_at", "-id")
    fields = (("received_at", "source", "position"), "reason", "payload")
