"""Paths below /api/v1/."""

from django.urls import URLPattern, path

from kaireon.decisioning.api.channels import ChannelCollection, ChannelItem
from kaireon.decisioning.api.decision_flows import DecisionFlowCollection, DecisionFlowItem
from kaireon.decisioning.api.inbox import CustomerMessages, MessageRead
from kaireon.decisioning.api.offers import OfferCollection, OfferItem
from kaireon.decisioning.api.outcome_types import OutcomeTypeCollection, OutcomeTypeItem
from kaireon.decisioning.api.recommend import Recommend
from kaireon.decisioning.api.respond import Respond

urlpatterns: list[URLPattern] = [
    path("channels", ChannelCollection.as_view(), name="channels"),
    path("channels/<str:channel_id>", ChannelItem.as_view(), name="channel"),
    path("customers/<path:customer_id>/messages", CustomerMessages.as_view(), name="customer-messages"),
    path("decision-flows", DecisionFlowCollection.as_view(), name="decision-flows"),
    path("decision-flows/<str:flow_id>", DecisionFlowItem.as_view(), name="decision-flow"),
    path("messages/<str:message_id>/read", MessageRead.as_view(), name="message-read"),
    path("recommend", Recommend.as_view(), name="recommend"),
    path("offers", OfferCollection.as_view(), name="offers"),
    path("offers/<str:offer_id>", OfferItem.as_view(), name="offer"),
    path("outcome-types", OutcomeTypeCollection.as_view(), name="outcome-types"),
    path("outcome-types/<str:key>", OutcomeTypeItem.as_view(), name="outcome-type"),
    path("respond", Respond.as_view(), name="respond"),
]
