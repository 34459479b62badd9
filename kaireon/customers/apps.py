"""App configuration."""

from django.apps import AppConfig


class CustomersConfig(AppConfig):
    """Schemas and records of customers."""

    name = "kaireon.customers"
    label = "customers"
    verbose_name = "Customers"
