"""What is measured: fifty triggers of which five listen to the type and one fires, its events, its customers."""

from collections.abc import Sequence
from typing import Any

from kaireon.core.json_values import encode
from tests.benchmarks.product import Product
from tests.benchmarks.senders import request_of

EVENT_TYPE = "bench.purchase"
UNHEARD_TYPE = "bench.unheard"
SCHEMA = "schema_bench"
OTHER_TYPES, TRIGGERS_OF_A_TYPE = 9, 5
BATCH = 500
"""Events in a request, where there are many."""
COOLDOWN_MS = 3_600_000


def properties(number: int) -> dict[str, Any]:
    """Of the event of customer `number`: the one trigger that is to fire does."""
    return {"outcomeType": "conversion", "metadata": {"amount": amount(number), "currency": "EUR", "note": "in a shop"}}


def customer(number: int) -> str:
    """A customer's id."""
    return f"cust_{number:08}"


def amount(number: int) -> int:
    """What the customer's attribute `last_amount` is after the firing."""
    return 750 + number


def event(number: int, event_type: str = EVENT_TYPE) -> dict[str, Any]:
    """The event as the API takes it."""
    return {"eventType": event_type, "customerId": customer(number), "properties": properties(number)}


def trigger(number: int, event_type: str) -> dict[str, Any]:
    """The first of a type fires for every event of ours; the others want far larger amounts."""
    threshold = {"field": "metadata.amount", "operator": "gt", "value": 500 if number == 0 else 10**9 + number}
    kind = {"field": "outcomeType", "operator": "eq", "value": "conversion"}
    updates = [{"field": "last_amount", "value": "{{event.metadata.amount}}"}]
    return {
        "name": f"{event_type} {number}",
        "eventType": event_type,
        "condition": {"all": [threshold, kind]},
        "actionType": "update_attribute",
        "actionConfig": {"schemaId": SCHEMA, "updates": updates},
        "cooldownMs": COOLDOWN_MS,
        "priority": 75,
    }


def event_requests(
    path: str, count: int, *, first: int = 0, event_type: str = EVENT_TYPE, key: str = "", batch: int = BATCH
) -> list[bytes]:
    """`count` events of the customers from `first` on as requests; without a key for those who ask for none."""
    events = [event(number, event_type) for number in range(first, first + count)]
    bodies: Sequence[Any] = (
        events if batch == 1 else [events[start : start + batch] for start in range(0, count, batch)]
    )
    return [request_of(path, encode(body), key=key) for body in bodies]


class Population:
    """Numbers of customers whom no event has met yet."""

    def __init__(self) -> None:
        self._next = 0

    def next(self, how_many: int) -> int:
        """The first of so many new ones."""
        first = self._next
        self._next += how_many
        return first


def set_up(product: Product) -> None:
    """The schema and the triggers, by the API; the demo's triggers go."""
    product.database.execute("DELETE FROM triggers_trigger")
    fields = [{"name": "last_amount", "dataType": "decimal"}]
    product.ask("/api/v1/schemas", {"id": SCHEMA, "name": "bench", "fields": fields})
    for event_type in (EVENT_TYPE, *(f"bench.other_{number}" for number in range(OTHER_TYPES))):
        for number in range(TRIGGERS_OF_A_TYPE):
            product.ask("/api/v1/triggers", trigger(number, event_type))


def add_customers(product: Product, first: int, count: int) -> None:
    """Customers without attributes, whom no event has told of."""
    product.database.execute(
        "INSERT INTO customers_record (schema_id, customer_id, attributes, created_at, updated_at)"
        " SELECT %s, 'cust_' || lpad(number::text, 8, '0'), '{}', now(), now()"
        " FROM generate_series(%s::int, %s) AS number",
        [SCHEMA, first, first + count - 1],
    )
    product.database.execute("ANALYZE customers_record")


def changed_customers(product: Product, first: int, count: int) -> int:
    """How many of those have the attribute that their event was to give them."""
    return product.number(
        "SELECT count(*) FROM customers_record WHERE schema_id = %s AND customer_id BETWEEN %s AND %s"
        " AND (attributes ->> 'last_amount')::numeric = 750 + substr(customer_id, 6)::int",
        [SCHEMA, customer(first), customer(first + count - 1)],
    )
