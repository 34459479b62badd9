"""App configuration."""

from django.apps import AppConfig


class JourneysConfig(AppConfig):
    """Journeys. At start-up they register as a consumer of events: some enrol customers, some end a wait."""

    name = "kaireon.journeys"
    label = "journeys"
    verbose_name = "Journeys"

    def ready(self) -> None:
        """Registers the consumer."""
        from kaireon.events import consumers
        from kaireon.journeys.event_door import consume

        consumers.register("journeys", consume)
