"""App configuration."""

from django.apps import AppConfig


class DecisioningConfig(AppConfig):
    """Offers, channels, decision flows and outcomes."""

    name = "kaireon.decisioning"
    label = "decisioning"
    verbose_name = "Decisioning"

    def ready(self) -> None:
        """Registers how long recommendations, outcomes and messages are kept."""
        from kaireon.decisioning import retention

        retention.register()
