"""App configuration."""

from django.apps import AppConfig


class EventsConfig(AppConfig):
    """The event log."""

    name = "kaireon.events"
    label = "events"
    verbose_name = "Events"
