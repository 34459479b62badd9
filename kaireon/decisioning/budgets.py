"""Budgets: what an outcome uses of its offer's, and telling once that there is nothing left.

An outcome has happened whether or not there was budget for it: it is always recorded and always counted, so `spent` is
the truth and may go past a limit. What a budget does is to end recommending: the outcome that uses the last unit sets
`exhausted_at` under the row's lock, in the transaction that publishes `budget.exhausted`.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from audit.log import NewEntry, record
from kaireon.decisioning.amounts import as_number
from kaireon.decisioning.models import Classification, Offer
from kaireon.decisioning.outcome_types import OutcomeKind
from kaireon.events.publish import NewEvent, publish

EXHAUSTED = "budget.exhausted"
_NOTHING = Decimal(0)

# One statement: the row stays locked from here to the end of the transaction, so of any number of outcomes that come
# at once, each sees what those before it have spent, and just one finds the limit newly reached.
_SPEND = """
    UPDATE decisioning_offer
    SET spent_impressions = spent_impressions + %s,
        spent_conversions = spent_conversions + %s,
        spent_amount = spent_amount + %s
    WHERE id = %s
    RETURNING name, max_impressions, max_conversions, max_spend,
              spent_impressions, spent_conversions, spent_amount, exhausted_at
"""
_RETURNED = (
    "name",
    "max_impressions",
    "max_conversions",
    "max_spend",
    "spent_impressions",
    "spent_conversions",
    "spent_amount",
    "exhausted_at",
)


@dataclass(frozen=True, slots=True)
class Usage:
    """What one outcome uses of a budget."""

    impressions: int = 0
    conversions: int = 0
    amount: Decimal = _NOTHING


def usage_of(kind: OutcomeKind, *, conversion_value: Decimal | None, cost_per_outcome: Decimal | None) -> Usage:
    """What such an outcome uses. It spends its conversion value; without one, if it is positive, the offer's cost."""
    amount = conversion_value
    if amount is None:
        is_positive = kind.classification == Classification.POSITIVE
        amount = cost_per_outcome if is_positive and cost_per_outcome is not None else _NOTHING
    return Usage(int(kind.counts_as_impression), int(kind.counts_as_conversion), amount)


def spend(*, offer_id: str, usage: Usage, cause: str = "", depth: int = 0, now: datetime) -> None:
    """Counts `usage`, and publishes `budget.exhausted` where it uses the last unit. To be called in a transaction.

    Locks the offer's row until that ends: call it last. An offer that is gone has nothing to be spent.
    """
    if usage == Usage():
        return
    with connection.cursor() as cursor:
        cursor.execute(_SPEND, [usage.impressions, usage.conversions, usage.amount, offer_id])
        row = cursor.fetchone()
    if row is None:
        return
    offer = Offer(id=offer_id, **dict(zip(_RETURNED, row, strict=True)))
    if tell_if_exhausted(offer, cause=cause, depth=depth, now=now):
        offer.save(update_fields=["exhausted_at"])


def tell_if_exhausted(offer: Offer, *, cause: str = "", depth: int = 0, now: datetime) -> bool:
    """Publishes `budget.exhausted` and sets `exhausted_at` where a limit is reached that was not so before.

    The caller holds the row's lock and saves. Answers whether there is something to save.
    """
    limit = reached_limit(offer)
    if limit is None or offer.exhausted_at is not None:
        return False
    offer.exhausted_at = now
    facts = {
        "offerId": offer.pk,
        "offerName": offer.name,
        "budget": budget_of(offer),
        "spent": spent_of(offer),
        "limit": limit,
    }
    event = NewEvent(
        event_type=EXHAUSTED, customer_id=None, properties=facts, source="offers", cause=cause, depth=depth
    )
    (published,) = publish([event], now=now)
    record(
        NewEntry(
            action=EXHAUSTED,
            subject=offer.pk,
            event_type=EXHAUSTED,
            event_id=published.event_id,
            facts={name: fact for name, fact in facts.items() if name != "offerId"},
            at=now,
        )
    )
    return True


def reached_limit(offer: Offer) -> str | None:
    """The first limit of the budget, in the contract's words, that is used up; None where something is left of all."""
    if offer.max_impressions is not None and offer.spent_impressions >= offer.max_impressions:
        return "maxImpressions"
    if offer.max_conversions is not None and offer.spent_conversions >= offer.max_conversions:
        return "maxConversions"
    if offer.max_spend is not None and offer.spent_amount >= offer.max_spend:
        return "maxSpend"
    return None


def budget_of(offer: Offer) -> dict[str, Any]:
    """The limits in the contract's shape; empty where there are none."""
    limits = {
        "maxImpressions": offer.max_impressions,
        "maxConversions": offer.max_conversions,
        "maxSpend": None if offer.max_spend is None else as_number(offer.max_spend),
    }
    return {name: limit for name, limit in limits.items() if limit is not None}


def spent_of(offer: Offer) -> dict[str, Any]:
    """What outcomes have used so far, in the contract's shape."""
    return {
        "impressions": offer.spent_impressions,
        "conversions": offer.spent_conversions,
        "amount": as_number(offer.spent_amount),
    }
