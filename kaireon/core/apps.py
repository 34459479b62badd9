"""App configuration."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """The leaf package: health, logs, middleware."""

    name = "kaireon.core"
    label = "core"
