"""`make bench`: what an event costs by how many active triggers listen to its type, through the whole engine.

In the benchmark's own process, by the function that workers call, on the real PostgreSQL and Redis: 10 triggers of one
type, 10,000 of another. Both get events of which one in fifty meets the condition of exactly one trigger, which fires,
and the others none: so the same is done for either, but for finding it. And what it costs until the engine has all
10,000 triggers for the first time, and one of them that was edited.
"""

import gc
import time
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice

import pytest
from django.db import connection, transaction

from kaireon.conditions import Entry, Index, parse
from kaireon.core import clock
from kaireon.core.garbage import look_for_garbage_seldom
from kaireon.events.models import Event, EventStatus
from kaireon.events.publish import NewEvent, publish
from tests.benchmarks.measuring import Report, in_rounds
from tests.benchmarks.mixes import Json, conditions_of, documents, of_many_values
from tests.customers.factories import PROFILE, make_schema
from tests.triggers.fixtures import process_all
from triggers.engine.catalogue import CompiledCatalogue, catalogue
from triggers.lifecycle import create_trigger, update_trigger
from triggers.models import Firing, Listener, Trigger

pytestmark = [pytest.mark.benchmark, pytest.mark.django_db(transaction=True), pytest.mark.timeout(1800)]

FEW, MANY = 10, 10_000
EVENTS = 4_000
ONE_IN = 50
EDITS = 20
ACTION = {"schemaId": PROFILE, "updates": [{"field": "score", "value": "{{event.metadata.score}}"}]}


@pytest.fixture
def installed() -> Iterator[None]:
    """All triggers, and no record of any customer: who fires makes one. Garbage is looked for as workers do."""
    make_schema(fields={"score": "decimal"})
    now = clock.now()
    conditions = conditions_of(of_many_values, MANY)
    triggers = [
        Trigger(
            id=f"trg_{count}_{number}",
            name=f"{number} of {count}",
            event_type=event_type(count),
            condition=condition,
            action_type="update_attribute",
            action_config=ACTION,
            created_at=now,
            updated_at=now,
        )
        for count in (FEW, MANY)
        for number, condition in enumerate(conditions[:count])
    ]
    Trigger.objects.bulk_create(triggers)
    Listener.objects.bulk_create(
        Listener(
            trigger_id=one.pk,
            version=1,
            event_type=one.event_type,
            priority=one.priority,
            condition=one.condition,
            since=1,
        )
        for one in triggers
    )
    # One more by the product's own function, which makes it known that there are others.
    values = {"name": "Of no type here", "event_type": "bench.other", "action_type": "update_attribute"}
    create_trigger(values={**values, "action_config": ACTION}, now=now)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    threshold = gc.get_threshold()
    look_for_garbage_seldom()
    yield
    gc.set_threshold(*threshold)
    gc.unfreeze()


def test_microseconds_per_event_worked_off(installed: None, report: Report) -> None:
    variants = {f"{count:,} triggers": partial(worked_off, chosen(count), count) for count in (FEW, MANY)}
    for measure in variants.values():
        measure()  # once for warmth: an index is made when it is asked for the first time
    figures = in_rounds(variants)
    report.add(
        "Events worked off, by how many triggers their type has",
        figures,
        unit="us/event",
        baselines=[f"{FEW:,} triggers"],
        note=f"{EVENTS:,} events a round; one in {ONE_IN} fires one trigger, the others none",
    )


def test_milliseconds_until_the_engine_knows(installed: None, report: Report) -> None:
    catalogue.current()
    trigger_ids = iter(Trigger.objects.filter(event_type=event_type(MANY)).values_list("pk", flat=True).order_by("?"))
    report.add(
        f"Until the engine knows a change to {MANY:,} triggers",
        in_rounds(
            {
                "all of them, in a new process": first_load,
                "one edited: to save it": lambda: edited(trigger_ids)[0],
                "one edited: until the next batch has it": lambda: edited(trigger_ids)[1],
            }
        ),
        unit="ms",
        note=f"{EDITS} edits a round",
    )


def event_type(count: int) -> str:
    """Whose type has so many triggers."""
    return f"bench.of_{count}"


def chosen(count: int) -> list[Json]:
    """Documents of which one in fifty meets one condition of the first `count`, and the others none."""
    holding = Index([Entry.of(parse(condition)) for condition in conditions_of(of_many_values, count)]).holding
    found = ((document, len(holding(document))) for document in documents(products=5_000))
    meeting: list[Json] = []
    missing: list[Json] = []
    wanted = EVENTS // ONE_IN
    while len(meeting) < wanted or len(missing) < EVENTS - wanted:
        document, matches = next(found)
        if matches < 2:
            (missing, meeting)[matches].append(document)
    few, rest = iter(meeting), iter(missing)
    return [next(few) if number % ONE_IN == 0 else next(rest) for number in range(EVENTS)]


def worked_off(found_in: Sequence[Json], count: int) -> float:
    """Microseconds for each event."""
    fired = Firing.objects.count()
    events = [
        NewEvent(
            event_type=event_type(count),
            customer_id=document["customerId"],
            properties={"metadata": document["metadata"]},
            source="api",
        )
        for document in found_in
    ]
    with transaction.atomic():
        publish(events, now=clock.now())
    catalogue.current()
    began = time.perf_counter()
    process_all()
    seconds = time.perf_counter() - began
    assert Firing.objects.count() - fired == EVENTS // ONE_IN
    assert not Event.objects.exclude(status=EventStatus.PROCESSED).exists()
    return seconds / EVENTS * 1_000_000


def first_load() -> float:
    """As a worker that has just started does it."""
    began = time.perf_counter()
    listeners = CompiledCatalogue().current().listeners
    spent = time.perf_counter() - began
    assert len(listeners[event_type(MANY)].triggers) == MANY
    return spent * 1_000


def edited(trigger_ids: Iterator[str]) -> tuple[float, float]:
    """To save an edit, and then to have it in the engine, each by the mean."""
    saved = known = 0.0
    for number, trigger_id in enumerate(islice(trigger_ids, EDITS)):
        condition = {"field": "metadata.campaign", "operator": "eq", "value": 10_000 + number}
        began = time.perf_counter()
        update_trigger(trigger_id=trigger_id, values={"condition": condition}, now=clock.now())
        done = time.perf_counter()
        listeners = catalogue.current().listeners[event_type(MANY)]
        known += time.perf_counter() - done
        saved += done - began
        holding = listeners.index.holding({"metadata": {"campaign": 10_000 + number}})
        assert trigger_id in {listeners.triggers[place].id for place in holding}
    return saved / EDITS * 1_000, known / EDITS * 1_000
