"""`make bench`: the specification's example condition, evaluated by Kaireon and by six libraries for the same event."""

import timeit
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import pytest

from kaireon import conditions
from tests.benchmarks.measuring import Report, in_rounds
from tests.benchmarks.rule_libraries import CONDITION, PREDICATES, Predicate

pytestmark = pytest.mark.benchmark

KAIREON = "Kaireon"


def event(amount: int, kind: str = "conversion") -> dict[str, Any]:
    """The specification's event."""
    return {
        "eventType": "outcome.recorded",
        "eventId": "evt_01jpq5x8k3v7m2n4",
        "customerId": "cust_78",
        "timestamp": "2026-03-10T14:30:00Z",
        "outcomeType": kind,
        "metadata": {"amount": amount, "currency": "EUR"},
    }


def test_microseconds_an_evaluation(report: Report) -> None:
    try:
        predicates = {f"{name} {version(name)}": build() for name, build in PREDICATES.items()}
    except ImportError as error:
        pytest.skip(f"{error.name} is missing: make bench installs it, or pip install -r requirements-bench.txt")
    predicates = {KAIREON: conditions.compile(conditions.parse(CONDITION)), **predicates}
    for name, passes in predicates.items():
        found = [bool(passes(one)) for one in (event(750), event(500), event(750, "click"))]
        assert found == [True, False, False], name
    report.add(
        "The specification's example condition, for an event that meets it",
        in_rounds({name: microseconds(passes) for name, passes in predicates.items()}),
        unit="µs",
        baselines=[KAIREON],
        note="each is given the event as a dict; compiled before, where the library can",
    )


def microseconds(passes: Predicate) -> Callable[[], float]:
    """Measures one evaluation, by as many as take a fifth of a second or more."""
    timer = timeit.Timer("passes(event)", globals={"passes": passes, "event": event(750)})

    def measure() -> float:
        count, seconds = timer.autorange()
        return seconds / count * 1_000_000

    return measure
