"""Whatever happens: a membership is what the criteria say of the record, and entering and exiting alternate."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kaireon import conditions
from kaireon.core import clock
from kaireon.core.errors import ApiError
from kaireon.customers.models import Membership, Record, Schema, Segment
from kaireon.customers.records import delete_record, upsert_record, upsert_rows
from kaireon.customers.reevaluation import evaluate_chunk, let_writers_pass
from kaireon.customers.segments import create_segment, delete_segment, update_segment
from kaireon.customers.working_set import WorkingSet
from kaireon.events.models import Event
from tests.segments.population import MOVES, PROFILE, settle

pytestmark = pytest.mark.django_db

customers = st.sampled_from("abcde")
attributes = st.fixed_dictionaries(
    {},
    optional={
        "tier": st.sampled_from(["gold", "silver"]) | st.none(),
        "event_count": st.integers(0, 3) | st.none(),
    },
)
criteria = st.sampled_from(
    [
        {},
        {"field": "customer.tier", "operator": "eq", "value": "gold"},
        {"field": "customer.tier", "operator": "exists", "value": False},
        {"field": "customer.event_count", "operator": "lt", "value": 2},
        {
            "any": [
                {"field": "customer.event_count", "operator": "gte", "value": 2},
                {"field": "customer.tier", "operator": "neq", "value": "gold"},
            ]
        },
    ]
)
segments = st.sampled_from(["seg_1", "seg_2"])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), customers, attributes),
        st.tuples(st.just("merge"), customers, attributes),
        st.tuples(st.just("rows"), st.dictionaries(customers, attributes, min_size=1)),
        st.tuples(st.just("delete"), customers),
        st.tuples(st.just("batch"), st.lists(st.tuples(customers, attributes), min_size=1, max_size=5)),
        st.tuples(st.just("segment"), segments, criteria),
        st.tuples(st.just("chunk"), segments),
        st.tuples(st.just("writers"), segments),
        st.tuples(st.just("delete_segment"), segments),
    ),
    min_size=3,
    max_size=25,
)


def take(step: tuple[Any, ...]) -> None:
    now = clock.now()
    match step:
        case ("put" | "merge" as how, name, given_attributes):
            upsert_record(
                schema_id=PROFILE, customer_id=name, attributes=given_attributes, merge=how == "merge", now=now
            )
        case ("rows", by_name):
            rows = [{"customerId": name, **values} for name, values in by_name.items()]
            upsert_rows(schema_id=PROFILE, rows=rows, now=now)
        case ("delete", name):
            delete_record(schema_id=PROFILE, customer_id=name, now=now)
        case ("batch", changes):
            batch = WorkingSet(now=now)
            batch.load(PROFILE, [name for name, _ in changes], lock=True)
            for name, values in changes:
                if batch.attributes(PROFILE, name) is not None:
                    batch.change(schema_id=PROFILE, customer_id=name, attributes=values, cause="fir_1", depth=1)
            batch.flush()
        case ("segment", segment_id, wanted):
            if Segment.objects.filter(pk=segment_id).exists():
                update_segment(segment_id=segment_id, criteria=wanted, now=now)
            else:
                create_segment(segment_id=segment_id, name="A", criteria=wanted, now=now)
        case ("chunk", segment_id):
            evaluate_chunk(segment_id, size=2, now=now)
        case ("writers", segment_id):
            let_writers_pass(segment_id)
        case ("delete_segment", segment_id):
            delete_segment(segment_id=segment_id, now=now)
            # Nobody is told, so the next one of this id begins its own story.
            Event.objects.filter(properties__segmentId=segment_id).delete()


def check(segment: Segment) -> None:
    holds = conditions.compile(conditions.parse(segment.criteria))
    expected = {record.customer_id for record in Record.objects.all() if holds({"customer": record.attributes})}
    assert set(Membership.objects.filter(segment=segment).values_list("customer_id", flat=True)) == expected
    story: dict[str, list[str]] = {}
    for event in Event.objects.filter(event_type__in=MOVES, properties__segmentId=segment.pk).order_by("sequence"):
        story.setdefault(event.customer_id or "", []).append(event.event_type)
    for moved in story.values():
        assert moved == [MOVES[number % 2] for number in range(len(moved))]
    assert {name for name, moved in story.items() if len(moved) % 2} == expected


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps)
def test_after_any_sequence_of_changes(schema: Schema, taken: list[tuple[Any, ...]]) -> None:
    for model in (Membership, Segment, Record, Event):
        model.objects.all().delete()
    for step in taken:
        try:
            take(step)
        except ApiError:  # a record or a segment that is not there
            continue
    for segment in Segment.objects.all():
        settle(segment.pk, chunk_size=2)
        check(segment)
