"""The bank: what is in it, as bodies of the API in the order in which they must be sent."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from kaireon.core.clock import iso

SCHEMA_ID = "schema_customer_profile"
CUSTOMERS = 200
NAMED_CUSTOMERS = (
    {"customerId": "cust_78", "name": "Customer 78", "tier": "gold", "balance": 12_500, "age": 41},
    {"customerId": "cust_79", "name": "Customer 79", "tier": "silver", "balance": 4_200, "age": 33},
    {"customerId": "cust_80", "name": "Customer 80", "tier": "bronze", "balance": 150, "age": 23},
)

SCHEMA = {
    "id": SCHEMA_ID,
    "name": "customer_profile",
    "displayName": "Customer profile",
    "fields": [
        {"name": name, "dataType": data_type}
        for name, data_type in (
            ("name", "text"),
            ("email", "text"),
            ("tier", "text"),
            ("age", "integer"),
            ("balance", "decimal"),
            ("has_loan", "boolean"),
            ("event_count", "integer"),
            ("last_event_date", "datetime"),
            ("high_value_purchases", "integer"),
            ("last_high_value_purchase", "decimal"),
            ("journeys_completed", "integer"),
        )
    ],
}

SEGMENTS = (
    {
        "id": "seg_well_off",
        "name": "Well off",
        "criteria": {"field": "customer.balance", "operator": "gte", "value": 10_000},
    },
    {"id": "seg_young", "name": "Young", "criteria": {"field": "customer.age", "operator": "lt", "value": 26}},
)

CHANNELS = (
    {
        "id": "ch_email",
        "name": "E-mail",
        "channelType": "email",
        "config": {
            "to": "{{customer.email}}",
            "subject": "{{offer.name}} for you, {{customer.name}}",
            "body": "Dear {{customer.name}},\n\nwe thought of you: {{offer.name}}.\n\nYour bank",
        },
    },
    {
        "id": "ch_push",
        "name": "In-app message",
        "channelType": "in_app",
        "config": {
            "title": "{% if offer.name %}{{offer.name}}{% else %}A loan on your terms{% endif %}",
            "body": "{% if offer.name %}Just for you, {{customer.name}}: {{offer.name}}."
            "{% else %}Talk to us about it, {{customer.name}}.{% endif %}",
        },
    },
    {
        "id": "ch_partner",
        "name": "Partner's push service",
        "channelType": "webhook",
        "status": "paused",
        "config": {
            "url": "https://push.example.com/send",
            "bodyTemplate": {"to": "{{customer.email}}", "offer": "{{offer.name}}"},
        },
    },
)


def offers(now: datetime) -> tuple[dict[str, Any], ...]:
    """Six offers. One ends soon and one has a small budget, so that both can be seen to end."""
    return (
        {
            "id": "off_gold_card",
            "name": "Gold card",
            "category": "cards",
            "tags": ["retail"],
            "priority": 70,
            "businessValue": 120,
            "eligibility": {"field": "customer.tier", "operator": "in", "value": ["silver", "gold"]},
        },
        {
            "id": "off_personal_loan",
            "name": "Personal loan",
            "category": "loans",
            "tags": ["retail"],
            "priority": 60,
            "businessValue": 200,
            "eligibility": {"field": "customer.has_loan", "operator": "neq", "value": True},
        },
        {
            "id": "off_savings_plus",
            "name": "Savings plus",
            "category": "savings",
            "tags": ["retail"],
            "priority": 50,
            "businessValue": 80,
            "eligibility": {"field": "customer.balance", "operator": "gte", "value": 5_000},
        },
        {
            "id": "off_travel_insurance",
            "name": "Travel insurance",
            "category": "insurance",
            "tags": ["retail", "travel"],
            "priority": 40,
            "businessValue": 30,
        },
        {
            "id": "off_student_account",
            "name": "Student account",
            "category": "accounts",
            "tags": ["retail"],
            "priority": 55,
            "businessValue": 10,
            "eligibility": {"field": "customer.age", "operator": "lt", "value": 26},
            "endsAt": iso(now + timedelta(minutes=2)),
        },
        {
            "id": "off_cashback",
            "name": "Cashback weeks",
            "category": "cards",
            "tags": ["retail"],
            "priority": 45,
            "businessValue": 20,
            "budget": {"maxConversions": 20},
        },
    )


FLOWS = (
    {
        "id": "df_cross_sell",
        "name": "Cross-sell",
        "candidates": {"tags": ["retail"]},
        "score": {"priorityWeight": 1, "valueWeight": 0.1, "formula": "min(customer_balance / 1000, 20)"},
        "limit": 3,
    },
)

JOURNEYS = (
    {
        "id": "jrn_loan_nurture",
        "name": "Loan nurture",
        "description": "Waits until the customer starts an application, or half a minute, then leaves a message.",
        "status": "active",
        "maxDurationDays": 14,
        "definition": {
            "nodes": [
                {"id": "start", "type": "entry_trigger", "config": {}},
                {
                    "id": "wait",
                    "type": "wait",
                    "config": {"delayHours": 0.01, "waitForEvent": "loan.application_started"},
                },
                {"id": "write", "type": "channel_action", "config": {"channelId": "ch_push"}},
                {"id": "end", "type": "exit", "config": {"reason": "nurtured"}},
            ],
            "edges": [
                {"from": "start", "to": "wait"},
                {"from": "wait", "to": "write"},
                {"from": "write", "to": "end"},
            ],
        },
    },
)


def _update(*updates: dict[str, Any]) -> dict[str, Any]:
    return {"schemaId": SCHEMA_ID, "updates": list(updates)}


TRIGGERS = (
    {
        "id": "trg_high_value_purchase",
        "name": "High-Value Purchase",
        "description": "After a purchase over $500, at most once a day: counts it and remembers its amount.",
        "eventType": "outcome.recorded",
        "condition": {
            "all": [
                {"field": "metadata.amount", "operator": "gt", "value": 500},
                {"field": "outcomeType", "operator": "eq", "value": "conversion"},
            ]
        },
        "actionType": "update_attribute",
        "actionConfig": _update(
            {"field": "last_high_value_purchase", "value": "{{event.metadata.amount}}"},
            {"field": "high_value_purchases", "expression": "high_value_purchases + 1"},
        ),
        "cooldownMs": 86_400_000,
        "priority": 75,
    },
    {
        "id": "trg_high_value_purchase_cross_sell",
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
    {
        "id": "trg_count_outcomes",
        "name": "Count outcomes",
        "description": "Keeps the number of a customer's outcomes and the moment of the last one.",
        "eventType": "outcome.recorded",
        "actionType": "update_attribute",
        "actionConfig": _update(
            {"field": "last_event_date", "value": "{{event.timestamp}}"},
            {"field": "event_count", "expression": "event_count + 1"},
        ),
        "priority": 30,
    },
    {
        "id": "trg_welcome",
        "name": "Welcome",
        "description": "Greets a new customer with an offer by e-mail.",
        "eventType": "customer.created",
        "actionType": "fire_recommend",
        "actionConfig": {"decisionFlowId": "df_cross_sell", "channelId": "ch_email", "limit": 1},
        "priority": 60,
    },
    {
        "id": "trg_became_gold",
        "name": "Became gold",
        "description": "Greets a customer who has become gold.",
        "eventType": "customer.updated",
        "condition": {
            "all": [
                {"field": "after.tier", "operator": "eq", "value": "gold"},
                {"field": "before.tier", "operator": "neq", "value": "gold"},
            ]
        },
        "actionType": "fire_recommend",
        "actionConfig": {"decisionFlowId": "df_cross_sell", "channelId": "ch_push", "limit": 1},
        "priority": 50,
    },
    {
        "id": "trg_nurture_the_well_off",
        "name": "Nurture the well off",
        "description": "Enrols a customer who has become well off in the loan journey.",
        "eventType": "segment.entered",
        "condition": {"field": "segmentId", "operator": "eq", "value": "seg_well_off"},
        "actionType": "enroll_journey",
        "actionConfig": {"journeyId": "jrn_loan_nurture", "deduplication": "skip_if_active"},
        "priority": 55,
    },
    {
        "id": "trg_no_longer_well_off",
        "name": "No longer well off",
        "description": "Takes a customer who is no longer well off back to silver.",
        "eventType": "segment.exited",
        "condition": {
            "all": [
                {"field": "segmentId", "operator": "eq", "value": "seg_well_off"},
                {"field": "customer.tier", "operator": "eq", "value": "gold"},
            ]
        },
        "actionType": "update_attribute",
        "actionConfig": _update({"field": "tier", "value": "silver"}),
        "priority": 50,
    },
    {
        "id": "trg_journey_completed",
        "name": "Count journeys",
        "description": "Counts the journeys that a customer has been through.",
        "eventType": "journey.completed",
        "actionType": "update_attribute",
        "actionConfig": _update({"field": "journeys_completed", "expression": "journeys_completed + 1"}),
        "priority": 20,
    },
    {
        "id": "trg_offer_expired",
        "name": "Offer is over",
        "description": "Tells your own system. Put its address in and resume.",
        "eventType": "offer.expired",
        "actionType": "webhook",
        "actionConfig": {"url": "https://hooks.example.com/offers", "bodyTemplate": {"offer": "{{event.offerName}}"}},
        "status": "paused",
        "priority": 90,
    },
    {
        "id": "trg_budget_exhausted",
        "name": "Budget is used up",
        "description": "Tells your own system. Put its address in and resume.",
        "eventType": "budget.exhausted",
        "actionType": "webhook",
        "actionConfig": {"url": "https://hooks.example.com/offers", "bodyTemplate": {"offer": "{{event.offerName}}"}},
        "status": "paused",
        "priority": 90,
    },
)


def customers() -> list[dict[str, Any]]:
    """The named ones and others, the same ones each time."""
    dice = random.Random(78)
    rows: list[dict[str, Any]] = []
    for number in range(1, CUSTOMERS + 1):
        named = next((row for row in NAMED_CUSTOMERS if row["customerId"] == f"cust_{number}"), None)
        rows.append({"email": f"cust_{number}@example.com", **(named or _customer(number, dice))})
    return rows


def _customer(number: int, dice: random.Random) -> dict[str, Any]:
    balance = round(dice.lognormvariate(8, 1.2), 2)
    return {
        "customerId": f"cust_{number}",
        "name": f"Customer {number}",
        "tier": "gold" if balance > 10_000 else "silver" if balance > 3_000 else "bronze",
        "age": dice.randint(18, 80),
        "balance": balance,
        "has_loan": dice.random() < 0.3,
    }


def bodies(now: datetime) -> Iterator[tuple[str, dict[str, Any]]]:
    """Collections and the bodies to post to them, in an order in which each finds what it refers to.

    Customers and triggers follow (see `loading`): the first events that the demo's triggers see are those of its own
    customers, who are created, and enter segments.
    """
    yield "/schemas", SCHEMA
    for path, many in (
        ("/segments", SEGMENTS),
        ("/offers", offers(now)),
        ("/channels", CHANNELS),
        ("/decision-flows", FLOWS),
        ("/journeys", JOURNEYS),
    ):
        for body in many:
            yield path, body
