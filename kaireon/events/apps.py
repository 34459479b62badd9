"""App configuration."""

from django.apps import AppConfig


class EventsConfig(AppConfig):
    """The event log."""

    name = "kaireon.events"
    label = "events"
    verbose_name = "Events"

    def ready(self) -> None:
        """Tells delivery when the events behind its messages were accepted, and registers how long events are kept."""
        from kaireon.delivery import origins
        from kaireon.events import retention
        from kaireon.events.acceptance import accepted_at

        origins.register(accepted_at)
        retention.register()
