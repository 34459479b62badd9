"""Flows, channels and asks, as tests of decisioning need them."""

from typing import Any

from kaireon.core import clock
from kaireon.core.rest import validated
from kaireon.customers.working_set import WorkingSet
from kaireon.decisioning.api.channels import ChannelBody
from kaireon.decisioning.api.decision_flows import DecisionFlowBody
from kaireon.decisioning.channels import CHANNELS
from kaireon.decisioning.flows import FLOWS
from kaireon.decisioning.models import Channel, DecisionFlow
from kaireon.decisioning.recommending import Ask, NotPossible, Recommendation, recommend

CONFIGS: dict[str, dict[str, Any]] = {
    "email": {
        "to": "{{customer.email}}",
        "subject": "{{offer.name}} for you",
        "body": "Dear {{customer.name}}, {{offer.attributes.pitch}}",
    },
    "in_app": {"title": "{{offer.name}}", "body": "{{offer.attributes.pitch}}"},
}


def make_flow(**body: Any) -> DecisionFlow:
    """A flow from the API's body; without more it takes every offer and ranks by priority."""
    whole = {"id": "df_cross_sell", "name": "Cross-sell", **body}
    return FLOWS.create(values=validated(DecisionFlowBody, whole), now=clock.now())


def make_channel(channel_type: str = "in_app", **body: Any) -> Channel:
    """A channel from the API's body."""
    whole = {
        "id": f"ch_{channel_type}",
        "name": channel_type,
        "channelType": channel_type,
        "config": CONFIGS.get(channel_type),
        **body,
    }
    return CHANNELS.create(values=validated(ChannelBody, whole), now=clock.now())


def ask(customer_id: str = "cust_78", **more: Any) -> Ask:
    """An ask of the cross-sell flow."""
    return Ask(**{"customer_id": customer_id, "flow_id": "df_cross_sell", **more})


def answers(*asks: Ask) -> list[Recommendation | NotPossible]:
    """What is recommended for `asks`, in one batch."""
    now = clock.now()
    return recommend(asks, records=WorkingSet(now=now), now=now)


def answer(customer_id: str = "cust_78", **more: Any) -> Recommendation:
    """What is recommended to one customer."""
    (found,) = answers(ask(customer_id, **more))
    assert isinstance(found, Recommendation), found
    return found


def offers_of(recommendation: Recommendation) -> list[str]:
    """The ids of the chosen offers, best first."""
    return [decision.offer_id for decision in recommendation.decisions]
