"""The package in Django admin, to look at: it is changed by the API, which checks and publishes."""

from kaireon.decisioning.admin.channels import ChannelAdmin, InboxMessageAdmin
from kaireon.decisioning.admin.flows import DecisionFlowAdmin, RecommendationAdmin
from kaireon.decisioning.admin.offers import OfferAdmin
from kaireon.decisioning.admin.outcomes import InteractionAdmin, OutcomeTypeAdmin

__all__ = [
    "ChannelAdmin",
    "DecisionFlowAdmin",
    "InboxMessageAdmin",
    "InteractionAdmin",
    "OfferAdmin",
    "OutcomeTypeAdmin",
    "RecommendationAdmin",
]
