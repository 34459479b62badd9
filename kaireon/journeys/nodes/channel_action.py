"""`channel_action`: sends the customer a message through a channel, with the recommended offers if wanted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kaireon.core.errors import ValidationFailed
from kaireon.core.rest import Flag, IdText, StrictSerializer, validated
from kaireon.decisioning.models import Channel
from kaireon.decisioning.recommending import Decision, Recommendation
from kaireon.decisioning.sending import NotSent, Outgoing, send
from kaireon.journeys.nodes.base import NodeType, Scope, Seen, Step, Walk
from kaireon.journeys.traveller import Traveller

SOURCE = "journey"


class ChannelConfig(StrictSerializer):
    """Config of a channel_action."""

    channelId = IdText()
    useRecommendation = Flag(default=False)


@dataclass(frozen=True, slots=True)
class Message:
    """Which channel, and whether it tells of the last recommendation."""

    channel_id: str
    use_recommendation: bool


class ChannelAction(NodeType[Message]):
    """With useRecommendation and nothing recommended, nothing is sent: a message about no offer helps nobody."""

    node_type = "channel_action"
    label = "Send"
    config = ChannelConfig

    def check(self, config: Mapping[str, Any]) -> dict[str, Any]:
        values = validated(ChannelConfig, config)
        channel_id = values["channelId"]
        if not Channel.objects.filter(pk=channel_id).exists():
            raise ValidationFailed.at("channelId", f"there is no channel {channel_id!r}; see GET /channels.")
        return values

    def prepare(self, config: Mapping[str, Any]) -> Message:
        return Message(config["channelId"], config["useRecommendation"])

    def reads_customer(self, prepared: Message) -> bool:
        return True

    def run(self, steps: Sequence[Step[Message]], scope: Scope) -> list[bool | None]:
        outgoing: list[Outgoing] = []
        senders: list[Step[Message]] = []
        for step in steps:
            recommendation = _recommendation(step.traveller) if step.prepared.use_recommendation else None
            if step.prepared.use_recommendation and (recommendation is None or not recommendation.decisions):
                step.traveller.note("skipped", at=scope.now, reason="nothing was recommended")
                continue
            outgoing.append(_outgoing(step, recommendation))
            senders.append(step)
        for step, answer in zip(senders, send(outgoing, records=scope.records, now=scope.now), strict=True):
            if isinstance(answer, NotSent):
                step.traveller.note("failed", at=scope.now, reason=answer.reason)
            else:
                step.traveller.note("sent", at=scope.now, ids=list(answer.ids))
        return [None] * len(steps)

    def look(self, prepared: Message, walk: Walk) -> Seen:
        about = " what was recommended" if prepared.use_recommendation else " a message"
        return Seen(f"would send{about} through {prepared.channel_id}")


def _outgoing(step: Step[Message], recommendation: Recommendation | None) -> Outgoing:
    traveller = step.traveller
    return Outgoing(
        channel_id=step.prepared.channel_id,
        customer_id=traveller.customer_id,
        event=traveller.event,
        offer_id=recommendation.decisions[0].offer_id if recommendation else None,
        recommendation=recommendation,
        source=SOURCE,
        source_id=traveller.journey_id,
        # Receivers deduplicate by it, so two messages of one enrolment must not share it.
        firing_id=traveller.step_id,
        event_id=str(traveller.event.get("eventId", "")),
    )


def _recommendation(traveller: Traveller) -> Recommendation | None:
    kept = traveller.recommendation
    if kept is None or kept["recommendationId"] is None:
        return None
    return Recommendation(
        recommendation_id=kept["recommendationId"],
        customer_id=traveller.customer_id,
        flow_id=kept["decisionFlowId"],
        decisions=[
            Decision(rank=one["rank"], offer_id=one["offerId"], offer_name=one["offerName"], score=one["score"])
            for one in kept["decisions"]
        ],
        filtered=[],
    )
