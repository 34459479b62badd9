"""App configuration."""

from django.apps import AppConfig


class ErasureConfig(AppConfig):
    """Erasing customers. Has no tables of its own."""

    name = "kaireon.erasure"
    label = "erasure"
    verbose_name = "Erasure"
