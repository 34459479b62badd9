"""The product's settings, with an app and URLs of the straightforward design, and without what it can do without."""

from kaireon.settings import *  # noqa: F403  Django's way to build settings upon others
from kaireon.settings import CELERY as _PRODUCT
from kaireon.settings import INSTALLED_APPS as _APPS

# The admin's pages want middleware that would only cost time here.
_PAGES = ("unfold", "unfold.contrib.filters", "django.contrib.admin")
INSTALLED_APPS = [*(name for name in _APPS if name not in _PAGES), "tests.benchmarks.straightforward"]
ROOT_URLCONF = "tests.benchmarks.straightforward.urls"
# It says how long an answer is, so that clients can keep their connections.
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
# Prefork workers fetch a few messages ahead: quicker here than one at a time.
CELERY = _PRODUCT | {"worker_prefetch_multiplier": 16, "task_default_queue": "straightforward"}
# Plain Django REST framework: nobody signs in, JSON in and out.
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "UNAUTHENTICATED_USER": None,
}
