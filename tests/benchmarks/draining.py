"""The hot path: events that were accepted before are worked off by the product's own workers, and counted through."""

from collections.abc import Callable
from typing import TypeVar

from tests.benchmarks import scenery
from tests.benchmarks.product import Product

ReadingT = TypeVar("ReadingT")


def drained_per_second(product: Product, people: scenery.Population, *, events: int, customers: int) -> float:
    """From the moment that the events are there until none is pending, those included that they brought about."""
    return drained(product, people, events=events, customers=customers, read=lambda: None)[0]


def drained(
    product: Product, people: scenery.Population, *, events: int, customers: int, read: Callable[[], ReadingT]
) -> tuple[float, ReadingT, ReadingT]:
    """The same, and what `read` gave right before (at rest, before the events were accepted) and after."""
    first = people.next(customers)
    scenery.add_customers(product, first, customers)
    product.come_to_rest()
    last_event = product.number("SELECT max(sequence) FROM events_event")
    last_entry = product.number("SELECT max(id) FROM audit_entry")
    firings = product.number("SELECT count(*) FROM triggers_firing")
    before = read()
    began = product.run("tests.benchmarks.accepting:accept", first, events, customers)
    ended = product.wait_until_done()
    after = read()
    assert product.number("SELECT count(*) FROM triggers_firing") - firings == customers
    fired = "SELECT count(*) FROM audit_entry WHERE id > %s AND action = 'trigger.fired'"
    assert product.number(fired, [last_entry]) == customers
    assert product.run("tests.benchmarks.completeness:complete_ledgers", last_event) == events
    assert scenery.changed_customers(product, first, customers) == customers
    handled = "SELECT count(*) FROM events_event WHERE sequence > %s AND status = 'processed'"
    assert product.number(handled, [last_event]) == events + customers
    return events / (ended - began), before, after
