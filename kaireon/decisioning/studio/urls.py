"""Where the pages of channels, decision flows and offers are, below /studio/."""

from django.urls import URLPattern

from kaireon.decisioning.studio.channels import CHANNEL_PAGES
from kaireon.decisioning.studio.decision_flows import FLOW_PAGES
from kaireon.decisioning.studio.offers import OFFER_PAGES

urlpatterns: list[URLPattern] = [
    *FLOW_PAGES.urls(),
    *OFFER_PAGES.urls(),
    *CHANNEL_PAGES.urls(),
]
