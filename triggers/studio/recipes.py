"""Triggers to begin with: bodies of the API that the form opens with (`?recipe=<name>`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Recipe:
    """`title` and `text` say what it is good for; `icon` is a name of lucide's."""

    title: str
    text: str
    icon: str
    body: Mapping[str, Any]


RECIPES: Mapping[str, Recipe] = {
    "high-value-purchase": Recipe(
        title="Offer something after a large purchase",
        text="A conversion over 500 fires a recommendation, at most once a day per customer.",
        icon="sparkles",
        body={
            "name": "High-Value Purchase Cross-Sell",
            "description": "Fire real-time recommendation after a purchase over $500",
            "eventType": "outcome.recorded",
            "condition": {
                "all": [
                    {"field": "metadata.amount", "operator": "gt", "value": 500},
                    {"field": "outcomeType", "operator": "eq", "value": "conversion"},
                ]
            },
            "actionType": "fire_recommend",
            "actionConfig": {
                "decisionFlowId": "df_cross_sell",
                "channelId": "ch_push",
                "limit": 1,
                "deliverImmediately": True,
            },
            "cooldownMs": 86_400_000,
            "priority": 75,
        },
    ),
    "welcome": Recipe(
        title="Welcome a new customer",
        text="A new record takes its customer into a journey.",
        icon="route",
        body={
            "name": "Welcome",
            "description": "Takes each new customer into a journey",
            "eventType": "customer.created",
            "condition": {},
            "actionType": "enroll_journey",
            "actionConfig": {"journeyId": "", "deduplication": "skip_if_active"},
            "cooldownMs": 0,
            "priority": 50,
        },
    ),
    "budget-exhausted": Recipe(
        title="Tell another system that a budget is used up",
        text="An exhausted budget calls a webhook of yours.",
        icon="webhook",
        body={
            "name": "Budget is used up",
            "description": "Tells our own system which offer has nothing left to spend",
            "eventType": "budget.exhausted",
            "condition": {},
            "actionType": "webhook",
            "actionConfig": {
                "url": "",
                "method": "POST",
                "headers": {"Authorization": "Bearer {{secret.webhook_token}}"},
                "bodyTemplate": {
                    "offerId": "{{event.offerId}}",
                    "offerName": "{{event.offerName}}",
                    "limit": "{{event.limit}}",
                },
            },
            "cooldownMs": 0,
            "priority": 90,
        },
    ),
}
