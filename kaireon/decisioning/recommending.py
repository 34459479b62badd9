"""Recommendations: candidates, eligibility, score, rank, limit, each with the reason for what was left out.

`recommend` takes any number of asks and needs the same few queries for all of them: the flows, the offers of each kind
of candidates, the customers' records, and one statement that stores the answers. It is deterministic: the same offers,
records and flow give the same decisions in the same order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from kaireon import conditions
from kaireon.core.copy_rows import copy_rows
from kaireon.core.ids import time_ordered_ids
from kaireon.core.json_values import decode, encode
from kaireon.customers.working_set import WorkingSet
from kaireon.decisioning import models
from kaireon.decisioning.flows import flow_problem
from kaireon.decisioning.models import DecisionFlow, Offer
from kaireon.decisioning.offers import available_offers
from kaireon.decisioning.scoring import NoScore, Scoring, scoring_of

ID_PREFIX = "rec_"
_COLUMNS = ("id", "customer_id", "flow_id", "decisions", "filtered", "context", "cause", "created_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Who asks which flow. `limit` replaces the flow's own; `cause` is the firing or enrolment behind it."""

    customer_id: str
    flow_id: str
    limit: int | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """One offer that was chosen; ranks begin with 1."""

    rank: int
    offer_id: str
    offer_name: str
    score: float

    def as_json(self) -> dict[str, Any]:
        """As it is stored and answered."""
        return {"rank": self.rank, "offerId": self.offer_id, "offerName": self.offer_name, "score": self.score}


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What was chosen, best first; `filtered` has `{"offerId", "reason"}` for each other candidate, by offer id.

    `customer_reason` says why the flow is not for this customer at all, where that is so.
    """

    recommendation_id: str
    customer_id: str
    decisions: list[Decision]
    filtered: list[dict[str, str]]
    flow_id: str = ""
    customer_reason: str = ""

    @property
    def reason_for_nothing(self) -> str:
        """Why there are no decisions, as a sentence; empty where there are some."""
        if self.decisions:
            return ""
        if self.customer_reason:
            return f"The customer is not eligible for {self.flow_id}: {self.customer_reason}."
        if not self.filtered:
            return f"No offer is available to {self.flow_id} at the moment."
        first = self.filtered[0]
        count = len(self.filtered)
        others = f"; so it is with {count - 1} more" if count > 1 else ""
        return f"No offer of {self.flow_id} is for this customer. {first['offerId']}: {first['reason']}{others}."


@dataclass(frozen=True, slots=True)
class NotPossible:
    """The flow is gone or not active: a sentence without a capital, which goes on behind "not possible:"."""

    reason: str


@dataclass(frozen=True, slots=True)
class _CompiledFlow:
    """A flow, ready to be asked, with the offers that it may choose from."""

    row: DecisionFlow
    eligibility: "_Eligibility"
    scoring: Scoring
    candidates: list[tuple[Offer, "_Eligibility"]]


def recommend(asks: Sequence[Ask], *, records: WorkingSet, now: datetime) -> list[Recommendation | NotPossible]:
    """Answers each of `asks`, and stores the recommendations in the caller's transaction, in one statement.

    One without decisions is stored as well: it tells why there are none.
    """
    answers = decide(asks, records=records, now=now)
    copy_rows(
        models.Recommendation,
        _COLUMNS,
        [
            (
                answer.recommendation_id,
                answer.customer_id,
                answer.flow_id,
                [decision.as_json() for decision in answer.decisions],
                list(answer.filtered),
                dict(ask.context),
                ask.cause,
                now,
            )
            for ask, answer in zip(asks, answers, strict=True)
            if isinstance(answer, Recommendation)
        ],
    )
    return answers


def decide(asks: Sequence[Ask], *, records: WorkingSet, now: datetime) -> list[Recommendation | NotPossible]:
    """What `recommend` answers, without storing it."""
    flows = _compiled_flows({ask.flow_id for ask in asks}, now=now)
    if flows and records.default_schema_id is not None:
        records.load(records.default_schema_id, {ask.customer_id for ask in asks}, lock=False)
    ids = sorted(time_ordered_ids(ID_PREFIX, len(asks)))
    return [
        _decide(ask, flows[ask.flow_id], recommendation_id=recommendation_id, records=records)
        for ask, recommendation_id in zip(asks, ids, strict=True)
    ]


def _compiled_flows(flow_ids: set[str], *, now: datetime) -> dict[str, _CompiledFlow | NotPossible]:
    found = DecisionFlow.objects.in_bulk(list(flow_ids)) if flow_ids else {}
    offers: dict[tuple[str, tuple[str, ...]], list[Offer]] = {}
    compiled: dict[str, _CompiledFlow | NotPossible] = {}
    for flow_id in sorted(flow_ids):
        flow = found.get(flow_id)
        if flow is None or flow_problem(flow_id, flow):
            compiled[flow_id] = NotPossible(flow_problem(flow_id, flow))
            continue
        kind = (flow.candidates.get("category", ""), tuple(flow.candidates.get("tags", ())))
        if kind not in offers:
            offers[kind] = available_offers(now=now, category=kind[0], tags=kind[1])
        compiled[flow_id] = _CompiledFlow(
            row=flow,
            eligibility=_eligibility(flow.eligibility),
            scoring=scoring_of(flow.score),
            candidates=[(offer, _eligibility(offer.eligibility)) for offer in offers[kind]],
        )
    return compiled


def _decide(
    ask: Ask, flow: _CompiledFlow | NotPossible, *, recommendation_id: str, records: WorkingSet
) -> Recommendation | NotPossible:
    if isinstance(flow, NotPossible):
        return flow
    customer = records.default_attributes(ask.customer_id) or {}
    document = {"customer": customer}
    reasons: dict[str, str] = {}
    scored: list[tuple[float, Offer]] = []
    customer_reason = flow.eligibility.reason(document)
    for offer, eligibility in flow.candidates:
        if customer_reason:
            reasons[offer.pk] = f"the customer is not eligible for {ask.flow_id}: {customer_reason}"
        elif reason := eligibility.reason(document):
            reasons[offer.pk] = f"the customer is not eligible: {reason}"
        else:
            try:
                scored.append((flow.scoring.score(offer, customer), offer))
            except NoScore as error:
                reasons[offer.pk] = str(error)
    ranked = sorted(scored, key=lambda one: (-one[0], one[1].pk))
    limit = ask.limit or flow.row.limit
    for rank, (_, offer) in enumerate(ranked[limit:], limit + 1):
        reasons[offer.pk] = f"ranked {_ordinal(rank)}, the limit is {limit}"
    return Recommendation(
        recommendation_id=recommendation_id,
        customer_id=ask.customer_id,
        decisions=[
            Decision(rank, offer.pk, offer.name, score) for rank, (score, offer) in enumerate(ranked[:limit], 1)
        ],
        filtered=[{"offerId": offer_id, "reason": reasons[offer_id]} for offer_id in sorted(reasons)],
        flow_id=ask.flow_id,
        customer_reason=customer_reason,
    )


@dataclass(frozen=True, slots=True)
class _Eligibility:
    condition: conditions.Condition
    passes: conditions.Predicate

    def reason(self, document: Mapping[str, Any]) -> str:
        """Why it does not hold for `document`; empty where it does."""
        if self.passes(document):
            return ""
        leaf = conditions.why_false(self.condition, document)
        if leaf is None:  # the two can't disagree; whoever reads this still learns that it does not hold
            return "its condition does not hold"
        return leaf.reason if leaf.reason.startswith(leaf.field) else f"{leaf.field}: {leaf.reason}"


def _eligibility(stored: Mapping[str, Any]) -> _Eligibility:
    return _compiled(encode(dict(stored)))


@lru_cache(maxsize=4096)
def _compiled(stored: bytes) -> _Eligibility:
    """By the condition itself, so that a change needs nobody to tell of it."""
    condition = conditions.parse(decode(stored))
    return _Eligibility(condition, conditions.compile(condition))


def _ordinal(number: int) -> str:
    if 10 < number % 100 < 20:
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"
