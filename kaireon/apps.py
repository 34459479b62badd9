"""App configuration of the project itself."""

from django.apps import AppConfig


class KaireonConfig(AppConfig):
    """Makes every Django process know the Celery application, so that hints find their broker."""

    name = "kaireon"
    verbose_name = "Kaireon"

    def ready(self) -> None:
        """Loads the Celery application, which registers itself as the current one."""
        from kaireon.celery import app

        app.set_current()
