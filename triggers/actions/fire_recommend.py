"""`fire_recommend`: runs a decision flow for the event's customer, and delivers what it chose through a channel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rest_framework import serializers

from kaireon.core.errors import Detail, ValidationFailed
from kaireon.core.rest import Flag, IdText, StrictSerializer, Whole, validated
from kaireon.decisioning.channels import usable_channels
from kaireon.decisioning.models import MAX_LIMIT, Channel, DecisionFlow
from kaireon.decisioning.recommending import Ask, NotPossible, Recommendation, decide, recommend
from kaireon.decisioning.sending import NotSent, Outgoing, Sent, compose, send, shown
from triggers.actions.base import SOURCE, Action, ActionFailed, Needs, Result, Scope, Work
from triggers.models import Outcome


class FireRecommendConfig(StrictSerializer):
    """actionConfig of fire_recommend."""

    decisionFlowId = IdText()
    channelId = IdText(required=False)
    limit = Whole(min_value=1, max_value=MAX_LIMIT, required=False, help_text="In the place of the flow's own.")
    maxOffers = Whole(min_value=1, max_value=MAX_LIMIT, required=False, help_text="Another name of limit.")
    deliverImmediately = Flag(default=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One name for the limit, and a channel where something is delivered."""
        if "maxOffers" in attrs:
            if "limit" in attrs:
                raise serializers.ValidationError({"maxOffers": "is another name of limit; send one of them."})
            attrs["limit"] = attrs.pop("maxOffers")
        if attrs["deliverImmediately"] and "channelId" not in attrs:
            raise serializers.ValidationError(
                {"channelId": "is required: name the channel to deliver through, or set deliverImmediately to false."}
            )
        return attrs


@dataclass(frozen=True, slots=True)
class PreparedRecommend:
    """What to ask, and what to deliver the answer through; None: it is stored, and nobody is told."""

    flow_id: str
    limit: int | None
    channel_id: str | None


class FireRecommend(Action[PreparedRecommend]):
    """Recommendation and message are rows of the firing's transaction: all of it happens, once, or nothing."""

    action_type = "fire_recommend"
    label = "Recommend offers"
    needs_customer = True
    config = FireRecommendConfig

    def check(self, config: Mapping[str, Any]) -> dict[str, Any]:
        values = validated(FireRecommendConfig, config)
        problems: list[Detail] = []
        flow_id, channel_id = values["decisionFlowId"], values.get("channelId")
        if not DecisionFlow.objects.filter(pk=flow_id).exists():
            problems.append(
                Detail("decisionFlowId", f"there is no decision flow {flow_id!r}; see GET /decision-flows.")
            )
        if channel_id is not None and not Channel.objects.filter(pk=channel_id).exists():
            problems.append(Detail("channelId", f"there is no channel {channel_id!r}; see GET /channels."))
        if problems:
            raise ValidationFailed.of(problems)
        return values

    def prepare(self, config: Mapping[str, Any]) -> PreparedRecommend:
        return PreparedRecommend(
            flow_id=config["decisionFlowId"],
            limit=config.get("limit"),
            channel_id=config.get("channelId") if config["deliverImmediately"] else None,
        )

    def needs(self, prepared: PreparedRecommend) -> Needs:
        return Needs(reads_customer=True)

    def execute(self, works: Sequence[Work[PreparedRecommend]], scope: Scope) -> list[Result]:
        # Before the flow is asked: a recommendation that nobody can be told of is not made.
        blocked = _blocked(works)
        able = [work for work in works if work.firing_id not in blocked]
        answers = recommend([_ask(work) for work in able], records=scope.records, now=scope.now)
        recommended = {work.firing_id: answer for work, answer in zip(able, answers, strict=True)}
        to_send = [
            (work, answer)
            for work, answer in zip(able, answers, strict=True)
            if work.prepared.channel_id and isinstance(answer, Recommendation) and answer.decisions
        ]
        replies = send([_outgoing(work, answer) for work, answer in to_send], records=scope.records, now=scope.now)
        sent = {work.firing_id: reply for (work, _), reply in zip(to_send, replies, strict=True)}
        return [
            Result.failed(blocked[work.firing_id])
            if work.firing_id in blocked
            else _result(recommended[work.firing_id], sent.get(work.firing_id))
            for work in works
        ]

    def preview(self, work: Work[PreparedRecommend], scope: Scope) -> Mapping[str, Any]:
        if problem := _blocked([work]).get(work.firing_id):
            raise ActionFailed(problem)
        (answer,) = decide([_ask(work)], records=scope.records, now=scope.now)
        if isinstance(answer, NotPossible):
            raise ActionFailed(answer.reason)
        found = {
            "decisionFlowId": work.prepared.flow_id,
            "channelId": work.prepared.channel_id,
            "decisions": [decision.as_json() for decision in answer.decisions],
            "filtered": answer.filtered,
        }
        if not answer.decisions:
            return {**found, "outcome": Outcome.SKIPPED.value, "reason": answer.reason_for_nothing}
        if work.prepared.channel_id is None:
            return found
        (composed,) = compose([_outgoing(work, answer)], records=scope.records, now=scope.now)
        if isinstance(composed, NotSent):
            raise ActionFailed(composed.reason)
        return {**found, "message": shown(composed)}


def _blocked(works: Sequence[Work[PreparedRecommend]]) -> dict[str, str]:
    """Why a firing can't deliver, by its id: its channel is gone or paused."""
    channels = usable_channels([work.prepared.channel_id for work in works if work.prepared.channel_id])
    blocked: dict[str, str] = {}
    for work in works:
        channel = channels[work.prepared.channel_id] if work.prepared.channel_id else None
        if isinstance(channel, str):
            blocked[work.firing_id] = channel
    return blocked


def _ask(work: Work[PreparedRecommend]) -> Ask:
    return Ask(
        customer_id=_customer(work),
        flow_id=work.prepared.flow_id,
        limit=work.prepared.limit,
        context={
            "triggerId": work.trigger_id,
            "firingId": work.firing_id,
            "eventId": work.event.event_id,
            "eventType": work.event.event_type,
        },
        cause=work.firing_id,
    )


def _outgoing(work: Work[PreparedRecommend], recommendation: Recommendation) -> Outgoing:
    assert work.prepared.channel_id is not None, "only what has a channel is sent"
    return Outgoing(
        channel_id=work.prepared.channel_id,
        customer_id=_customer(work),
        event=work.event_document,
        recommendation=recommendation,
        source=SOURCE,
        source_id=work.trigger_id,
        firing_id=work.firing_id,
        event_id=work.event.event_id,
    )


def _result(answer: Recommendation | NotPossible, reply: Sent | NotSent | None) -> Result:
    if isinstance(answer, NotPossible):
        return Result.failed(answer.reason)
    detail: dict[str, Any] = {
        "recommendationId": answer.recommendation_id,
        "decisions": [
            {"rank": decision.rank, "offerId": decision.offer_id, "score": decision.score}
            for decision in answer.decisions
        ],
    }
    if not answer.decisions:
        return Result(Outcome.SKIPPED, detail, answer.reason_for_nothing)
    match reply:
        case None:
            return Result(Outcome.SUCCEEDED, detail)
        case NotSent():
            return Result(Outcome.FAILED, detail, reply.reason)
        case Sent(is_queued=True):
            return Result(Outcome.QUEUED, {**detail, "deliveryIds": reply.ids})
        case Sent():
            return Result(Outcome.SUCCEEDED, {**detail, "messageIds": reply.ids})


def _customer(work: Work[PreparedRecommend]) -> str:
    """The engine hands over no work without a customer, since `needs_customer` is set."""
    assert work.event.customer_id is not None
    return work.event.customer_id
