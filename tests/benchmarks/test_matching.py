"""`make bench`: what it takes to find the triggers whose conditions hold for an event, by how many there are.

In the benchmark's own process: conditions alone, as the engine asks them (the whole of it is in
`test_matching_in_the_engine.py`).
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice

import pytest

from kaireon.conditions import Entry, Index, parse
from tests.benchmarks.measuring import Report, in_rounds
from tests.benchmarks.mixes import Json, Mix, conditions_of, documents, of_few_values, of_many_values

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(600)]

COUNTS = (10, 100, 1_000, 10_000)
EVENTS = 1_000
ASKED = 500_000
"""Conditions that are asked one after the other in a round, at most."""
EDITS = 20


@pytest.mark.parametrize(
    ("mix", "products", "title"),
    [
        (of_many_values, 5_000, "Matching, fields of thousands of values"),
        (of_few_values, 50, "Matching, fields of few values"),
    ],
)
def test_microseconds_per_event(mix: Mix, products: int, title: str, report: Report) -> None:
    found_in = list(islice(documents(products=products), EVENTS))
    variants: dict[str, Callable[[], float]] = {}
    matches = []
    for count in COUNTS:
        entries = [Entry.of(parse(condition)) for condition in conditions_of(mix, count)]
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
    conditions = [parse(condition) for condition in conditions_of(mix, COUNTS[-1])]
    entries = [Entry.of(condition) for condition in conditions]
    document = next(documents(products=50))
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
