"""App configuration."""

from django.apps import AppConfig


class DecisioningConfig(AppConfig):
    """Offers, channels, decision flows and outcomes."""

    name = "kaireon.decisioning"
    label = "decisioning"
    verbose_name = "Decisioning"
