"""App configuration."""

from django.apps import AppConfig


class JourneysConfig(AppConfig):
    """Journeys. At start-up they register as a consumer of events: some enrol customers, some end a wait."""

    name = "kaireon.journeys"
    label = "journeys"
    verbose_name = "Journeys"

    def ready(self) -> None:
        """Registers the consumer, how long enrolments are kept, and what is kept for them."""
        from kaireon.decisioning import retention as decisioning_retention
        from kaireon.events import consumers
        from kaireon.events import retention as events_retention
        from kaireon.journeys import retention
        from kaireon.journeys.event_door import consume, hears

        consumers.register("journeys", consume, hears=hears)
        retention.register()
        events_retention.keep("journeys", retention.causes_under_way)
        decisioning_retention.keep("journeys", retention.enrolments_under_way)
