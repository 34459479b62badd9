"""App configuration."""

from django.apps import AppConfig
from django.core.checks import register


class DeliveryConfig(AppConfig):
    """Outbound messages."""

    name = "kaireon.delivery"
    label = "delivery"
    verbose_name = "Delivery"

    def ready(self) -> None:
        """Registers the checks of the settings, and how long deliveries are kept."""
        from kaireon.delivery import retention
        from kaireon.delivery.checks import (
            allowed_networks_are_networks,
            leases_outlast_attempts,
            the_sender_is_an_address,
            there_are_slots,
        )

        retention.register()
        register(allowed_networks_are_networks)
        register(there_are_slots)
        register(the_sender_is_an_address)
        register(leases_outlast_attempts)
