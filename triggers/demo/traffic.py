"""What the bank's customers do: a realistic mix of events, drawn with a given seed."""

import random
from collections.abc import Iterator
from typing import Any

from triggers.demo.bank import CUSTOMERS, SCHEMA_ID

Call = tuple[str, str, dict[str, Any]]
"""Method, path and body of one call of the API."""

_OFFERS = ("off_gold_card", "off_personal_loan", "off_savings_plus", "off_travel_insurance", "off_cashback")


def calls(*, seed: int, run: str) -> Iterator[Call]:
    """Calls without end. `run` names this run, so that its idempotency keys are its own."""
    dice = random.Random(seed)
    number = 0
    while True:
        number += 1
        customer_id = f"cust_{dice.randint(1, CUSTOMERS)}"
        draw = dice.random()
        if draw < 0.45:
            yield _outcome(dice, customer_id, f"{run}-{number}")
        elif draw < 0.75:
            yield _page_view(dice, customer_id)
        elif draw < 0.90:
            yield _change_of_balance(dice, customer_id)
        elif draw < 0.95:
            yield "POST", "/events", {"eventType": "loan.application_started", "customerId": customer_id}
        elif draw < 0.98:
            yield "POST", "/recommend", {"customerId": customer_id, "decisionFlowId": "df_cross_sell"}
        else:
            yield _new_customer(dice, f"{run}_{number}")


def _outcome(dice: random.Random, customer_id: str, key: str) -> Call:
    outcome = dice.choices(("impression", "click", "conversion", "dismiss"), (50, 25, 20, 5))[0]
    body: dict[str, Any] = {
        "customerId": customer_id,
        "outcome": outcome,
        "offerId": dice.choice(_OFFERS),
        "idempotencyKey": key,
    }
    if outcome == "conversion":
        amount = round(dice.lognormvariate(5.5, 1), 2)
        body |= {"conversionValue": amount, "metadata": {"amount": amount}}
    return "POST", "/respond", body


def _page_view(dice: random.Random, customer_id: str) -> Call:
    page = dice.choice(("/cards", "/loans", "/savings", "/branches"))
    return "POST", "/events", {"eventType": "page.viewed", "customerId": customer_id, "properties": {"page": page}}


def _change_of_balance(dice: random.Random, customer_id: str) -> Call:
    balance = round(dice.lognormvariate(8, 1.2), 2)
    tier = "gold" if balance > 10_000 else "silver" if balance > 3_000 else "bronze"
    row = {"customerId": customer_id, "balance": balance, "tier": tier}
    return "POST", f"/schemas/{SCHEMA_ID}/data", {"rows": [row]}


def _new_customer(dice: random.Random, name: str) -> Call:
    row = {
        "customerId": f"new_{name}",
        "name": f"New customer {name}",
        "email": f"new_{name}@example.com",
        "age": dice.randint(18, 80),
        "balance": round(dice.lognormvariate(7, 1), 2),
        "tier": "bronze",
    }
    return "POST", f"/schemas/{SCHEMA_ID}/data", {"rows": [row]}
