"""App configuration."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Users, roles and API keys."""

    name = "kaireon.accounts"
    label = "accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        """Loads the OpenAPI description of the API key schemes, and registers that sessions end."""
        from kaireon.accounts import (
            openapi,  # noqa: F401  it registers itself
            retention,
        )

        retention.register()
