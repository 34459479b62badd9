"""All routes. Each package brings its own; errors outside of any view get the same shape here."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, URLResolver, include, path
from django.views import defaults
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerView

from kaireon import health
from kaireon.core.errors import NotFound
from kaireon.core.rest import error_response
from kaireon.core.rest.exceptions import unexpected_response

API = "api/v1/"


def home(request: HttpRequest) -> HttpResponse:
    """The front door leads to where work is done."""
    return redirect("admin:index")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Unknown routes: the error shape below /api/, a page elsewhere."""
    if request.path.startswith("/api/"):
        return error_response(NotFound(f"There is no route {request.path}; see /{API}docs."))
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """What nobody anticipated: the error shape below /api/, a page elsewhere."""
    if request.path.startswith("/api/"):
        return unexpected_response()
    return defaults.server_error(request)


handler404: Any = not_found
handler500: Any = server_error

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home),
    path("", include("kaireon.accounts.urls")),
    path("admin/", admin.site.urls),
    path(API, include("triggers.api.urls")),
    path(API, include("kaireon.customers.api.urls")),
    path(API, include("kaireon.events.api.urls")),
    path(API, include("kaireon.delivery.api.urls")),
    path(API, include("kaireon.secrets.api.urls")),
    path(API, include("audit.api.urls")),
    path(API, include("kaireon.accounts.api.urls")),
    path(f"{API}openapi.json", SpectacularJSONAPIView.as_view(), name="openapi"),
    path(f"{API}docs", SpectacularSwaggerView.as_view(url_name="openapi"), name="docs"),
    path("healthz", health.live),
    path("readyz", health.ready),
    path("metrics", health.metrics),
]
