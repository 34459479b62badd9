"""Conditions of many triggers of one event type, and events that they are asked about.

Six in ten are equalities, two ranges, one is nested and one an `in`. In the first mix a field has thousands of values
and few triggers match an event; in the second each field is shared by many triggers (three tiers, four channels, fifty
products), and dozens match.
"""

import random
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

Json = dict[str, Any]
Mix = Callable[[random.Random, int], Json]
"""The condition of a trigger, by its number."""


def leaf(field: str, operator: str, value: object) -> Json:
    return {"field": f"metadata.{field}", "operator": operator, "value": value}


def of_many_values(choice: random.Random, number: int) -> Json:
    """A campaign, a product or a shop of thousands, and something beside it."""
    field = choice.choice(("campaign", "product", "shop"))
    amount = choice.uniform(0, 10_000)
    match number % 10:
        case 0 | 1 | 2 | 3 | 4 | 5:
            return {"all": [leaf(field, "eq", choice.randrange(5_000)), leaf("amount", "gt", amount)]}
        case 6:
            return {"all": [leaf("amount", "gte", amount), leaf("amount", "lt", amount + 5)]}
        case 7:
            return {"all": [leaf(field, "eq", choice.randrange(5_000)), leaf("score", "gte", choice.random())]}
        case 8:
            ways = [
                {"all": [leaf("currency", "eq", "EUR"), leaf(field, "eq", choice.randrange(5_000))]} for _ in range(2)
            ]
            return {"all": [leaf("amount", "gt", amount / 2), {"any": ways}]}
        case _:
            return leaf(field, "in", [choice.randrange(5_000) for _ in range(3)])


def of_few_values(choice: random.Random, number: int) -> Json:
    """A tier, a channel and a product of few, all in one condition."""

    def shared() -> list[Json]:
        return [
            leaf("tier", "eq", choice.choice(("bronze", "silver", "gold"))),
            leaf("channel", "eq", choice.choice(("web", "app", "shop", "mail"))),
        ]

    match number % 10:
        case 0 | 1 | 2 | 3 | 4 | 5:
            return {"all": [*shared(), leaf("product", "eq", choice.randrange(50))]}
        case 6 | 7:
            return {"all": [*shared(), leaf("amount", "gt", choice.uniform(5_000, 10_000))]}
        case 8:
            return {"any": [{"all": [*shared(), leaf("product", "eq", choice.randrange(50))]} for _ in range(2)]}
        case _:
            return {"all": [*shared(), leaf("product", "in", choice.sample(range(50), 3))]}


def conditions_of(mix: Mix, count: int) -> list[Json]:
    """The same ones each time."""
    choice = random.Random(1)
    return [mix(choice, number) for number in range(count)]


def documents(*, products: int) -> Iterator[Json]:
    """Events as conditions see them, the same ones each time, without an end."""
    choice = random.Random(2)
    for number in count():
        yield {
            "eventType": "purchase",
            "customerId": f"cust_{number}",
            "metadata": {
                "campaign": choice.randrange(5_000),
                "product": choice.randrange(products),
                "shop": choice.randrange(5_000),
                "amount": choice.uniform(0, 10_000),
                "score": choice.random(),
                "currency": choice.choice(("EUR", "USD")),
                "tier": choice.choice(("bronze", "silver", "gold")),
                "channel": choice.choice(("web", "app", "shop", "mail")),
            },
        }
