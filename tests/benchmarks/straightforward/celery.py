"""The Celery application."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.benchmarks.straightforward.settings")

from django.conf import settings  # noqa: E402  the settings module has to be named first

app = Celery("straightforward")
app.conf.update(settings.CELERY)
app.autodiscover_tasks(["tests.benchmarks.straightforward"])
