"""App configuration."""

from django.apps import AppConfig


class TriggersConfig(AppConfig):
    """Triggers. At start-up the engine registers as a consumer of events, and as the gate of queued webhooks."""

    name = "triggers"
    verbose_name = "Triggers"

    def ready(self) -> None:
        """Registers the engine."""
        from triggers import wiring

        wiring.connect()
