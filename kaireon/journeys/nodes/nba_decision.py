"""`nba_decision`: asks a decision flow for the next best offers, and keeps the answer for later nodes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kaireon.core.errors import ValidationFailed
from kaireon.core.rest import IdText, StrictSerializer, Whole, validated
from kaireon.decisioning.models import MAX_LIMIT, DecisionFlow
from kaireon.decisioning.recommending import Ask, NotPossible, Recommendation, recommend
from kaireon.journeys.nodes.base import NodeType, Scope, Seen, Step, Walk
from kaireon.journeys.traveller import NO_RECOMMENDATION


class DecisionConfig(StrictSerializer):
    """Config of an nba_decision."""

    decisionFlowId = IdText()
    limit = Whole(required=False, min_value=1, max_value=MAX_LIMIT)


@dataclass(frozen=True, slots=True)
class Question:
    """Which flow is asked for how many offers; None: as many as the flow gives."""

    flow_id: str
    limit: int | None


class NbaDecision(NodeType[Question]):
    """No eligible offer is an answer as well: later nodes see a `recommendation.count` of 0."""

    node_type = "nba_decision"
    label = "Decide"
    config = DecisionConfig

    def check(self, config: Mapping[str, Any]) -> dict[str, Any]:
        values = validated(DecisionConfig, config)
        flow_id = values["decisionFlowId"]
        if not DecisionFlow.objects.filter(pk=flow_id).exists():
            raise ValidationFailed.at(
                "decisionFlowId", f"there is no decision flow {flow_id!r}; see GET /decision-flows."
            )
        return values

    def prepare(self, config: Mapping[str, Any]) -> Question:
        return Question(config["decisionFlowId"], config.get("limit"))

    def reads_customer(self, prepared: Question) -> bool:
        return True

    def run(self, steps: Sequence[Step[Question]], scope: Scope) -> list[bool | None]:
        asks = [
            Ask(
                customer_id=step.traveller.customer_id,
                flow_id=step.prepared.flow_id,
                limit=step.prepared.limit,
                context={"event": step.traveller.event},
                cause=step.traveller.id,
            )
            for step in steps
        ]
        for step, answer in zip(steps, recommend(asks, records=scope.records, now=scope.now), strict=True):
            if isinstance(answer, NotPossible):
                step.traveller.decide(NO_RECOMMENDATION)
                step.traveller.note("failed", at=scope.now, reason=answer.reason)
            else:
                kept = _kept(answer)
                step.traveller.decide(kept)
                facts = {"recommendationId": kept["recommendationId"], "count": kept["count"]}
                reason = {"reason": answer.reason_for_nothing} if not answer.decisions else {}
                step.traveller.note("recommended", at=scope.now, **facts, **reason)
        return [None] * len(steps)

    def look(self, prepared: Question, walk: Walk) -> Seen:
        most = f" for at most {prepared.limit} offers" if prepared.limit else ""
        return Seen(f"would ask {prepared.flow_id}{most}")


def _kept(answer: Recommendation) -> dict[str, Any]:
    """A recommendation as it stays with the enrolment: in the shape of POST /recommend, without what was filtered."""
    return {
        "recommendationId": answer.recommendation_id,
        "decisionFlowId": answer.flow_id,
        "count": len(answer.decisions),
        "decisions": [decision.as_json() for decision in answer.decisions],
    }
