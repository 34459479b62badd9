"""Where the pages of journeys are, below /studio/."""

from django.urls import URLPattern

from kaireon.journeys.studio.journeys import JOURNEY_PAGES

urlpatterns: list[URLPattern] = [
    *JOURNEY_PAGES.urls(),
]
