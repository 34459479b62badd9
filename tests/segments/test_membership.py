"""Memberships follow the records in the transactions that change them."""

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from kaireon.core import clock
from kaireon.core.errors import NotFound
from kaireon.customers.models import Record, Schema, Segment
from kaireon.customers.records import delete_record, upsert_record, upsert_rows
from kaireon.customers.schemas import create_schema
from kaireon.customers.segments import segments_of
from kaireon.customers.working_set import WorkingSet
from kaireon.events.models import Event
from tests.segments.population import ACTIVE, MOVES, PROFILE, members, moves, put, settled_segment
from tests.triggers.fixtures import FIELDS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("schema")]


def merge(customer_id: str, **attributes: object) -> None:
    upsert_record(schema_id=PROFILE, customer_id=customer_id, attributes=attributes, merge=True, now=clock.now())


def statements(queries: CaptureQueriesContext) -> list[str]:
    return [query["sql"].split()[0] for query in queries.captured_queries]


def test_a_record_enters_stays_and_exits_and_each_change_is_told_once() -> None:
    settled_segment()
    put("ada", tier="gold")
    assert members() == ["ada"]
    merge("ada", event_count=1)
    put("ada", tier="gold", event_count=2)
    assert moves() == [("entered", "ada")]
    merge("ada", tier=None)
    merge("ada", tier="silver")
    assert members() == []
    assert moves() == [("entered", "ada"), ("exited", "ada")]


def test_the_events_say_which_segment_and_stand_behind_the_records_own() -> None:
    settled_segment(name="Gold customers")
    put("ada", tier="gold")
    created, entered = Event.objects.order_by("sequence")
    assert (created.event_type, entered.event_type) == ("customer.created", "segment.entered")
    assert (entered.customer_id, entered.source, entered.cause, entered.depth) == ("ada", "segments", "", 0)
    assert entered.properties == {
        "segmentId": "seg_gold",
        "segmentName": "Gold customers",
        "schemaId": "schema_customer_profile",
    }
    assert entered.lane == created.lane


def test_rows_move_each_by_its_own_record() -> None:
    settled_segment()
    settled_segment("seg_active", ACTIVE)
    put("ada", tier="gold")
    put("bob", event_count=5)
    rows = [
        {"customerId": "eve", "tier": "gold", "event_count": 3},
        {"customerId": "ada", "tier": "silver"},
        {"customerId": "bob", "tier": "gold"},
        {"customerId": "joe"},
    ]
    upsert_rows(schema_id=PROFILE, rows=rows, now=clock.now())
    assert (members(), members("seg_active")) == (["bob", "eve"], ["bob", "eve"])
    assert moves() == [("entered", "ada"), ("entered", "eve"), ("exited", "ada"), ("entered", "bob")]
    assert moves("seg_active") == [("entered", "bob"), ("entered", "eve")]
    in_order = Event.objects.filter(customer_id="eve").order_by("sequence").values_list("event_type", flat=True)
    assert list(in_order) == ["customer.created", "segment.entered", "segment.entered"]


def test_a_thousand_rows_and_twenty_segments_take_a_handful_of_statements() -> None:
    for number in range(20):
        criteria = {"field": "customer.event_count", "operator": "gte", "value": number * 50}
        settled_segment(f"seg_{number}", criteria)
    rows = [{"customerId": f"c{number}", "event_count": 999 - number} for number in range(500)]
    upsert_rows(schema_id=PROFILE, rows=rows, now=clock.now())
    rows = [{"customerId": f"c{number}", "event_count": number} for number in range(1000)]
    with CaptureQueriesContext(connection) as queries:
        upsert_rows(schema_id=PROFILE, rows=rows, now=clock.now())
    assert statements(queries) == [
        "SAVEPOINT",
        "SELECT",  # the schema
        "SELECT",  # the segments' lock
        "INSERT",  # new records
        "SELECT",  # old ones, locked
        "UPDATE",  # old ones
        "SELECT",  # segments
        "SELECT",  # memberships
        "INSERT",  # memberships
        "DELETE",  # memberships
        "SELECT",  # whether triggers listen
        "SELECT",  # whether journeys do
        "COPY",  # events
        "RELEASE",
    ]
    assert [len(members(f"seg_{number}")) for number in range(20)] == [1000 - 50 * number for number in range(20)]


def test_a_deleted_record_exits_and_a_new_one_enters_again() -> None:
    settled_segment()
    put("ada", tier="gold")
    delete_record(schema_id=PROFILE, customer_id="ada", now=clock.now())
    assert members() == []
    put("ada", tier="gold")
    assert moves() == [("entered", "ada"), ("exited", "ada"), ("entered", "ada")]
    with pytest.raises(NotFound):
        delete_record(schema_id=PROFILE, customer_id="eve", now=clock.now())


def test_each_schema_has_segments_of_its_own() -> None:
    create_schema(schema_id="schema_b", name="b", fields=FIELDS, now=clock.now())
    settled_segment()
    settled_segment("seg_b", schema_id="schema_b")
    put("ada", tier="gold")
    put("bob", "schema_b", tier="gold")
    assert (members(), members("seg_b")) == (["ada"], ["bob"])
    put("bob", tier="gold")
    delete_record(schema_id="schema_b", customer_id="bob", now=clock.now())
    assert (members(), members("seg_b")) == (["ada", "bob"], [])
    assert moves("seg_b") == [("entered", "bob"), ("exited", "bob")]


def test_what_is_rolled_back_was_never_a_member() -> None:
    settled_segment()
    savepoint = transaction.savepoint()
    put("ada", tier="gold")
    assert members() == ["ada"]
    transaction.savepoint_rollback(savepoint)
    assert (members(), moves()) == ([], [])


def test_a_batch_of_changes_tells_each_with_its_cause_and_depth() -> None:
    settled_segment()
    settled_segment("seg_active", ACTIVE)
    create_schema(schema_id="schema_b", name="b", fields=FIELDS, now=clock.now())
    settled_segment("seg_b", schema_id="schema_b")
    put("ada")
    put("bob", "schema_b")
    Event.objects.all().delete()
    batch = WorkingSet(now=clock.now())
    batch.load(PROFILE, ["ada"], lock=True)
    batch.load("schema_b", ["bob"], lock=True)
    gold = {"tier": "gold"}
    batch.change(schema_id=PROFILE, customer_id="ada", attributes=gold, cause="fir_1", depth=1)
    batch.change(schema_id="schema_b", customer_id="bob", attributes=gold, cause="fir_2", depth=4)
    batch.change(schema_id=PROFILE, customer_id="ada", attributes={"event_count": 3}, cause="fir_3", depth=2)
    batch.change(schema_id=PROFILE, customer_id="ada", attributes={"event_count": 4, **gold}, cause="fir_4", depth=3)
    with CaptureQueriesContext(connection) as queries:
        batch.flush()
    assert statements(queries) == ["UPDATE", *["SELECT", "INSERT"] * 2, *["SELECT"] * 2, "COPY"]
    assert [
        (event.event_type, event.properties.get("segmentId"), event.cause, event.depth)
        for event in Event.objects.order_by("sequence")
    ] == [
        ("customer.updated", None, "fir_1", 1),
        ("segment.entered", "seg_gold", "fir_1", 1),
        ("customer.updated", None, "fir_2", 4),
        ("segment.entered", "seg_b", "fir_2", 4),
        ("customer.updated", None, "fir_3", 2),
        ("segment.entered", "seg_active", "fir_3", 2),
        ("segment.exited", "seg_gold", "fir_3", 2),
        ("customer.updated", None, "fir_4", 3),
        ("segment.entered", "seg_gold", "fir_4", 3),
    ]
    assert (members(), members("seg_active"), members("seg_b")) == (["ada"], ["ada"], ["bob"])
    batch.flush()
    assert len(moves()) == 3


def test_after_a_rollback_a_batch_tells_only_what_it_does_then() -> None:
    settled_segment()
    put("ada")
    batch = WorkingSet(now=clock.now())
    savepoint = transaction.savepoint()
    batch.load(PROFILE, ["ada"], lock=True)
    batch.change(schema_id=PROFILE, customer_id="ada", attributes={"tier": "gold"}, cause="fir_1", depth=1)
    transaction.savepoint_rollback(savepoint)
    batch.forget()
    batch.load(PROFILE, ["ada"], lock=True)
    batch.change(schema_id=PROFILE, customer_id="ada", attributes={"event_count": 1}, cause="fir_2", depth=1)
    batch.flush()
    assert (members(), moves()) == ([], [])


def test_criteria_that_were_broken_by_hand_hold_nobody_up() -> None:
    settled_segment()
    settled_segment("seg_active", ACTIVE)
    put("ada", tier="gold", event_count=5)
    Segment.objects.filter(pk="seg_gold").update(criteria={"all": "nonsense"})
    put("ada", tier="silver", event_count=1)
    assert (members(), members("seg_active")) == (["ada"], [])
    delete_record(schema_id=PROFILE, customer_id="ada", now=clock.now())
    assert members() == []


def test_the_segments_of_customers_are_found_in_one_query() -> None:
    create_schema(schema_id="schema_b", name="b", fields=FIELDS, now=clock.now())
    settled_segment()
    settled_segment("seg_active", ACTIVE)
    settled_segment("seg_b", schema_id="schema_b")
    put("ada", tier="gold", event_count=5)
    put("ada", "schema_b", tier="gold")
    put("bob", tier="gold")
    with CaptureQueriesContext(connection) as queries:
        assert segments_of(["ada", "bob", "eve"]) == {
            "ada": ["seg_active", "seg_b", "seg_gold"],
            "bob": ["seg_gold"],
            "eve": [],
        }
    assert len(queries) == 1
    assert segments_of(["ada"], schema_id=PROFILE) == {"ada": ["seg_active", "seg_gold"]}
    assert segments_of([]) == {}


def test_without_segments_nothing_is_written(schema: Schema) -> None:
    put("ada", tier="gold")
    assert Event.objects.filter(event_type__in=MOVES).count() == 0
    assert Record.objects.count() == 1
