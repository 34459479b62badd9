"""All models of the package."""

from kaireon.decisioning.models.channels import Channel, ChannelStatus, ChannelType
from kaireon.decisioning.models.flows import MAX_LIMIT, DecisionFlow, FlowStatus, Recommendation
from kaireon.decisioning.models.inbox import InboxMessage
from kaireon.decisioning.models.offers import Offer, OfferStatus
from kaireon.decisioning.models.outcomes import Classification, Interaction, OutcomeType

__all__ = [
    "MAX_LIMIT",
    "Channel",
    "ChannelStatus",
    "ChannelType",
    "Classification",
    "DecisionFlow",
    "FlowStatus",
    "InboxMessage",
    "Interaction",
    "Offer",
    "OfferStatus",
    "OutcomeType",
    "Recommendation",
]
