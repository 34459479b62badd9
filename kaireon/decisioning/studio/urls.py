"""Where the pages of channels, decision flows and offers are, below /studio/."""

from django.urls import URLPattern

from kaireon.decisioning.studio.channels import CHANNEL_PAGES

urlpatterns: list[URLPattern] = [
    *CHANNEL_PAGES.urls(),
]
