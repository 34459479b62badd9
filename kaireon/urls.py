"""All routes. Each package brings its own; errors outside of any view get the same shape here."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, URLResolver, include, path
from django.views.decorators.http import require_safe
from drf_spectacular.views import SpectacularJSONAPIView

from kaireon.core.rest import handlers
from kaireon.core.rest.documentation import Documentation
from kaireon.health.metrics import metrics
from kaireon.health.probes import live, ready

API = "api/v1/"


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The front door leads to where work is done."""
    return redirect("studio-triggers")


handler400: Any = handlers.bad_request
handler404: Any = handlers.not_found
handler500: Any = handlers.server_error

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home),
    path("", include("kaireon.accounts.urls")),
    path("admin/", admin.site.urls),
    path("studio/", home, name="studio"),
    path("studio/", include("triggers.studio.urls")),
    path("studio/", include("kaireon.journeys.studio.urls")),
    path("studio/", include("kaireon.decisioning.studio.urls")),
    path("studio/", include("kaireon.customers.studio.urls")),
    path("studio/", include("kaireon.events.studio.urls")),
    path("studio/", include("kaireon.delivery.studio.urls")),
    # Behind the others: a customer's id may be anything, and takes all that is left of a path.
    path("studio/", include("triggers.studio.why_urls")),
    path(API, include("kaireon.erasure.api.urls")),
    path(API, include("triggers.api.urls")),
    path(API, include("kaireon.journeys.api.urls")),
    path(API, include("kaireon.decisioning.api.urls")),
    path(API, include("kaireon.customers.api.urls")),
    path(API, include("kaireon.events.api.urls")),
    path(API, include("kaireon.delivery.api.urls")),
    path(API, include("kaireon.secrets.api.urls")),
    path(API, include("audit.api.urls")),
    path(API, include("kaireon.accounts.api.urls")),
    path(f"{API}openapi.json", SpectacularJSONAPIView.as_view(), name="openapi"),
    path(f"{API}docs", Documentation.as_view(url_name="openapi"), name="docs"),
    path("healthz", live),
    path("readyz", ready),
    path("metrics", metrics),
]
