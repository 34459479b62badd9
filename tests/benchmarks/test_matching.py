"""`make bench`: what it takes to find the triggers whose conditions hold for an event, by how many there are.

In the benchmark's own process: conditions alone, as the engine asks them. Six in ten are equalities, two ranges, one is
nested and one an `in`. In the first mix a field has thousands of values and few triggers match an event; in the second
each field is shared by many triggers (three tiers, four channels, fifty products), and dozens match.
"""

import random
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest

from kaireon.conditions import Condition, Entry, Index, parse
from tests.benchmarks.measuring import Report, in_rounds

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(600)]

COUNTS = (10, 100, 1_000, 10_000)
EVENTS = 1_000
ASKED = 500_000
"""Conditions that are asked one after the other in a round, at most."""
EDITS = 20

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


def conditions_of(mix: Mix, count: int) -> list[Condition]:
    choice = random.Random(1)
    return [parse(mix(choice, number)) for number in range(count)]


def documents(*, products: int) -> list[Json]:
    choice = random.Random(2)
    return [
        {
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
        for number in range(EVENTS)
    ]


@pytest.mark.parametrize(
    ("mix", "products", "title"),
    [
        (of_many_values, 5_000, "Matching, fields of thousands of values"),
        (of_few_values, 50, "Matching, fields of few values"),
    ],
)
def test_microseconds_per_event(mix: Mix, products: int, title: str, report: Report) -> None:
    found_in = documents(products=products)
    variants: dict[str, Callable[[], float]] = {}
    matches = []
    for count in COUNTS:
        entries = [Entry.of(condition) for condition in conditions_of(mix, count)]
        index = Index(entries)
        held = [index.holding(document) for document in found_in]
        some = found_in[: max(ASKED // count, 1)]
        assert held[: len(some)] == [in_a_row(entries, document) for document in some]
        matches.append(f"{sum(map(len, held)) / EVENTS:,.2f}")
        variants[f"{count:,} triggers, index"] = partial(microseconds, index.holding, found_in)
        variants[f"{count:,} triggers, one after the other"] = partial(microseconds, partial(in_a_row, entries), some)
    report.add(
        title,
        in_rounds(variants),
        unit="us/event",
        baselines=[f"{COUNTS[0]:,} triggers, index"],
        note=f"{', '.join(matches)} of them match an event on average.",
    )


@pytest.mark.parametrize(
    ("mix", "title"),
    [(of_many_values, "The index, fields of thousands of values"), (of_few_values, "The index, fields of few values")],
)
def test_milliseconds_to_make_the_index(mix: Mix, title: str, report: Report) -> None:
    conditions = conditions_of(mix, COUNTS[-1])
    entries = [Entry.of(condition) for condition in conditions]
    document = documents(products=50)[0]
    made = Index(entries)
    made.holding(document)

    def anew() -> float:
        began = time.perf_counter()
        Index(entries).holding(document)
        return (time.perf_counter() - began) * 1_000

    def edited() -> float:
        index, current, spent = made, list(entries), 0.0
        for place in range(0, EDITS * 100, 100):
            began = time.perf_counter()
            current[place] = Entry.of(conditions[place])
            index = Index(current, index)
            index.holding(document)
            spent += time.perf_counter() - began
        return spent / EDITS * 1_000

    report.add(
        title,
        in_rounds({"all of them": anew, "after one edit": edited}),
        unit="ms",
        note=f"{COUNTS[-1]:,} triggers; each time with the first event that asks it.",
    )


def in_a_row(entries: Sequence[Entry], document: Json) -> list[int]:
    return [position for position, entry in enumerate(entries) if entry.passes(document)]


def microseconds(holding: Callable[[Json], list[int]], found_in: Sequence[Json]) -> float:
    """For each document."""
    began = time.perf_counter()
    for document in found_in:
        holding(document)
    return (time.perf_counter() - began) / len(found_in) * 1_000_000
