"""App configuration of the project itself."""

from django.apps import AppConfig
from django.core.checks import register


class KaireonConfig(AppConfig):
    """Makes every Django process know the Celery application, so that hints find their broker."""

    name = "kaireon"
    verbose_name = "Kaireon"

    def ready(self) -> None:
        """Loads the Celery application, which registers itself as the current one, and the checks of a deployment."""
        from kaireon.celery import app
        from kaireon.health.checks import DEPLOYMENT_CHECKS

        app.set_current()
        for check in DEPLOYMENT_CHECKS:
            register(check, deploy=True)
