"""App configuration."""

from django.apps import AppConfig
from django.core.checks import register


class SecretsConfig(AppConfig):
    """Secrets, encrypted with the keys of KAIREON_SECRETS_KEYS."""

    name = "kaireon.secrets"
    label = "secrets"
    verbose_name = "Secrets"

    def ready(self) -> None:
        """Registers the check of the keys."""
        from kaireon.secrets.checks import secrets_keys

        register(secrets_keys)
