"""The score of an offer for a customer: weights, and a formula over what is known of both."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from kaireon.core.expressions import Expression, ExpressionError
from kaireon.core.expressions import parse as parse_expression
from kaireon.decisioning.models import Offer

DEFAULTS: Mapping[str, Any] = {"priorityWeight": 1, "valueWeight": 0}
OFFER_PREFIX = "offer_"
CUSTOMER_PREFIX = "customer_"
NAMES = ("priority", "business_value")


class NoScore(Exception):
    """The formula gives no number for this offer and customer; the text says why."""


@dataclass(frozen=True, slots=True)
class Scoring:
    """A flow's `score`, parsed."""

    priority_weight: Decimal
    value_weight: Decimal
    formula: Expression | None

    def score(self, offer: Offer, customer: Mapping[str, Any]) -> float:
        """priorityWeight x priority + valueWeight x businessValue + formula, exact until the last step.

        Raises NoScore.
        """
        total = self.priority_weight * offer.priority + self.value_weight * offer.business_value
        if self.formula is not None:
            total += _number(self.formula, offer, customer)
        # Minus 0 would be shown as such.
        return float(total) or 0.0


def scoring_of(score: Mapping[str, Any]) -> Scoring:
    """A flow's stored `score`."""
    complete = {**DEFAULTS, **score}
    return Scoring(
        priority_weight=_exact(complete["priorityWeight"]),
        value_weight=_exact(complete["valueWeight"]),
        formula=_parsed(complete["formula"]) if complete.get("formula") else None,
    )


def formula_problem(text: str) -> str:
    """What is wrong with a formula, as a sentence; empty where nothing is."""
    try:
        expression = parse_expression(text)
    except ExpressionError as error:
        return error.message
    for name in sorted(expression.names):
        known_prefix = any(name.startswith(prefix) and name != prefix for prefix in (OFFER_PREFIX, CUSTOMER_PREFIX))
        if name not in NAMES and not known_prefix:
            return (
                f"{name} is nothing that a formula knows: write customer_{name} for an attribute of the customer,"
                f" offer_{name} for one of the offer, priority or business_value."
            )
    return ""


@lru_cache(maxsize=512)
def _parsed(text: str) -> Expression:
    return parse_expression(text)


def _exact(number: int | float) -> Decimal:
    return Decimal(repr(number))


def _number(formula: Expression, offer: Offer, customer: Mapping[str, Any]) -> Decimal:
    try:
        value = formula.evaluate({name: _value(name, offer, customer) for name in formula.names})
    except ExpressionError as error:
        raise NoScore(f"the formula can't be evaluated: {error.message}") from None
    if value is None:
        return Decimal(0)
    if isinstance(value, bool | str):
        raise NoScore(f"the formula gives {'true or false' if isinstance(value, bool) else 'a text'}, not a number.")
    return Decimal(value)


def _value(name: str, offer: Offer, customer: Mapping[str, Any]) -> Any:
    if name == "priority":
        return offer.priority
    if name == "business_value":
        return offer.business_value
    if name.startswith(OFFER_PREFIX):
        return offer.attributes.get(name.removeprefix(OFFER_PREFIX))
    return customer.get(name.removeprefix(CUSTOMER_PREFIX))
