"""Channels and the messages of the inbox in Django admin, to look at."""

from django.contrib import admin
from django.utils.safestring import SafeString

from kaireon.core.admin import ReadOnlyAdmin, pretty_json
from kaireon.decisioning.models import Channel, InboxMessage


@admin.register(Channel)
class ChannelAdmin(ReadOnlyAdmin):
    """Channels. Secrets stand in their configs by name alone."""

    list_display = ("id", "name", "channel_type", "status", "updated_at")
    list_filter = ("channel_type", "status")
    search_fields = ("id", "name")
    ordering = ("id",)
    fields = ("id", "name", ("channel_type", "status"), "shown_config", ("created_at", "updated_at"))
    readonly_fields = ("shown_config",)

    @admin.display(description="config")
    def shown_config(self, channel: Channel) -> SafeString:
        return pretty_json(channel.config)


@admin.register(InboxMessage)
class InboxMessageAdmin(ReadOnlyAdmin):
    """The messages of all inboxes, newest first."""

    list_display = ("id", "created_at", "customer_id", "title", "channel_id", "read_at")
    search_fields = ("=id", "=customer_id", "=cause")
    search_help_text = "The whole id of a message, of a customer, or of a firing"
    ordering = ("-id",)
