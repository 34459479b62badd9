"""What the events of a drill meet: customers, four types of action, cooldowns short and long, two receivers.

Everything is made by the API. `RULES` says the same once more for the checker, which knows nothing of the product.
"""

from collections.abc import Callable
from typing import Any

from tests.drill.checker import Effect, Rule

EVENT_TYPE = "drill.purchase"
SCHEMA = "schema_drill"
_JOURNEY = "jrn_drill"
_FLOW = "df_drill"
_CHANNEL = "ch_drill"
_ROWS_A_CALL = 500

RULES = (
    Rule("trg_count", flag=None, cooldown_ms=0, effect=Effect.COUNTS),
    Rule("trg_once", flag="once", cooldown_ms=24 * 3600 * 1000, effect=Effect.GIVES_BONUS),
    Rule("trg_hook", flag="hook", cooldown_ms=0, effect=Effect.SENDS),
    Rule("trg_cooled", flag="cooled", cooldown_ms=4000, effect=Effect.SENDS),
    Rule("trg_other", flag="other", cooldown_ms=0, effect=Effect.SENDS),
    Rule("trg_journey", flag="journey", cooldown_ms=0, effect=Effect.ENROLS),
    Rule("trg_recommend", flag="recommend", cooldown_ms=3000, effect=Effect.RECOMMENDS),
)
SHARES = {"once": 1 / 3, "hook": 1 / 6, "cooled": 1 / 2, "other": 1 / 10, "journey": 1 / 10, "recommend": 1 / 5}
"""How many of the events carry each flag."""

Post = Callable[[str, Any], Any]


def build(post: Post, *, customers: int, url: str, other_url: str) -> None:
    """Makes all of it; `url` and `other_url` are the receivers'."""
    names = ("event_count", "last_number", "bonus", "journeys")
    fields = [{"name": name, "dataType": "integer"} for name in names]
    post("/api/v1/schemas", {"id": SCHEMA, "name": "drill", "isDefault": True, "fields": fields})
    for start in range(0, customers, _ROWS_A_CALL):
        numbers = range(start, min(start + _ROWS_A_CALL, customers))
        rows = [{"customerId": customer(number), "event_count": 0, "bonus": 0, "journeys": 0} for number in numbers]
        post(f"/api/v1/schemas/{SCHEMA}/data", {"rows": rows})
    post("/api/v1/offers", {"id": "off_drill", "name": "Drill", "attributes": {}})
    post("/api/v1/decision-flows", {"id": _FLOW, "name": "Drill", "limit": 1})
    inbox = {"title": "{{offer.name}}", "body": "for event {{event.eventId}}"}
    post("/api/v1/channels", {"id": _CHANNEL, "name": "Drill", "channelType": "in_app", "config": inbox})
    post("/api/v1/journeys", _journey())
    configs = {
        "trg_count": _updates(
            {"field": "event_count", "expression": "event_count + 1"},
            {"field": "last_number", "value": "{{event.number}}"},
        ),
        "trg_once": _updates({"field": "bonus", "expression": "bonus + 100"}),
        "trg_hook": {"url": url},
        "trg_cooled": {"url": url},
        "trg_other": {"url": other_url},
        "trg_journey": {"journeyId": _JOURNEY, "deduplication": "allow_multiple"},
        "trg_recommend": {"decisionFlowId": _FLOW, "channelId": _CHANNEL},
    }
    for rule in RULES:
        condition = {"field": rule.flag, "operator": "eq", "value": True} if rule.flag else {}
        post(
            "/api/v1/triggers",
            {
                "id": rule.trigger_id,
                "name": rule.trigger_id,
                "eventType": EVENT_TYPE,
                "condition": condition,
                "actionType": rule.effect.action_type,
                "actionConfig": configs[rule.trigger_id],
                "cooldownMs": rule.cooldown_ms,
            },
        )


def customer(number: int) -> str:
    """The id of a customer."""
    return f"cust_{number:04}"


def _updates(*updates: dict[str, Any]) -> dict[str, Any]:
    return {"schemaId": SCHEMA, "updates": list(updates)}


def _journey() -> dict[str, Any]:
    """In, a wait that beat has to end, a count, out."""
    nodes = [
        {"id": "start", "type": "entry_trigger", "config": {}},
        {"id": "wait", "type": "wait", "config": {"delayHours": 0.001}},
        {"id": "count", "type": "update", "config": _updates({"field": "journeys", "expression": "journeys + 1"})},
        {"id": "end", "type": "exit", "config": {"reason": "done"}},
    ]
    names = [str(node["id"]) for node in nodes]
    edges = [{"from": one, "to": next_one} for one, next_one in zip(names, names[1:], strict=False)]
    return {"id": _JOURNEY, "name": "Drill", "status": "active", "definition": {"nodes": nodes, "edges": edges}}
