"""App configuration."""

from django.apps import AppConfig
from django.core.checks import register


class DeliveryConfig(AppConfig):
    """Outbound messages."""

    name = "kaireon.delivery"
    label = "delivery"
    verbose_name = "Delivery"

    def ready(self) -> None:
        """Registers the checks of the settings."""
        from kaireon.delivery.checks import (
            allowed_networks_are_networks,
            the_sender_is_an_address,
            there_are_slots,
        )

        register(allowed_networks_are_networks)
        register(there_are_slots)
        register(the_sender_is_an_address)
