"""What a new journey begins with, and one example of each type of step."""

from collections.abc import Sequence
from typing import Any

FIRST_DEFINITION: dict[str, Any] = {
    "nodes": [
        {"id": "start", "type": "entry_trigger", "config": {}},
        {"id": "two_days", "type": "wait", "config": {"delayHours": 48}},
        {"id": "done", "type": "exit", "config": {"reason": "waited"}},
    ],
    "edges": [{"from": "start", "to": "two_days"}, {"from": "two_days", "to": "done"}],
}

STEP_EXAMPLES: Sequence[tuple[str, dict[str, Any]]] = (
    (
        "Takes customers in: by an event, by entering a segment, or (empty) by triggers and by hand.",
        {"id": "start", "type": "entry_trigger", "config": {"eventType": "loan.viewed"}},
    ),
    (
        "Waits for some hours, or until an event.",
        {"id": "two_days", "type": "wait", "config": {"delayHours": 48, "waitForEvent": "loan.applied"}},
    ),
    (
        'Parts the ways; its edges carry "when": true and "when": false.',
        {
            "id": "is_gold",
            "type": "condition_split",
            "config": {"condition": {"field": "customer.tier", "operator": "eq", "value": "gold"}},
        },
    ),
    (
        "Asks a decision flow for offers.",
        {"id": "decide", "type": "nba_decision", "config": {"decisionFlowId": "df_cross_sell", "limit": 1}},
    ),
    (
        "Sends a message through a channel.",
        {"id": "tell", "type": "channel_action", "config": {"channelId": "ch_push", "useRecommendation": True}},
    ),
    (
        "Changes attributes of the customer.",
        {
            "id": "note",
            "type": "update",
            "config": {"schemaId": "schema_customer_profile", "updates": [{"field": "tier", "value": "gold"}]},
        },
    ),
    ("Ends the journey, with a reason.", {"id": "done", "type": "exit", "config": {"reason": "told"}}),
)
