"""The app."""

from django.apps import AppConfig


class StraightforwardConfig(AppConfig):
    """Comes after the product's own, which has named its Celery application as the one for every thread."""

    name = "tests.benchmarks.straightforward"

    def ready(self) -> None:
        from tests.benchmarks.straightforward.celery import app

        app.set_default()
