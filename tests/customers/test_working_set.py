"""The records of a batch: read once, changed in memory, written once."""

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from kaireon.core import clock
from kaireon.core.errors import NotFound, ValidationFailed
from kaireon.customers.field_types import Field
from kaireon.customers.models import Record
from kaireon.customers.working_set import WorkingSet
from kaireon.events import consumers
from kaireon.events.models import Event
from tests.customers.factories import LONG_AGO, make_record, make_schema
from tests.customers.published import published

SCHEMA = "schema_customer_profile"
NOW = clock.parse_moment("2026-03-10T14:30:00Z")
assert NOW is not None

pytestmark = pytest.mark.django_db


@pytest.fixture
def batch() -> WorkingSet:
    schema = make_schema()
    make_record(schema, customer_id="ada", attributes={"event_count": 1, "balance": 1e300})
    make_record(schema, customer_id="bob", attributes={})
    assert NOW is not None
    return WorkingSet(now=NOW)


def statements(queries: CaptureQueriesContext) -> list[str]:
    return [query["sql"].split()[0] for query in queries.captured_queries]


def test_the_default_schema_and_its_fields_are_looked_up_once(batch: WorkingSet) -> None:
    with CaptureQueriesContext(connection) as queries:
        for _ in range(3):
            assert batch.default_schema_id == SCHEMA
            facts = batch.schema(SCHEMA)
            assert facts is not None
            assert facts.field("event_count") == Field("event_count", "integer")
            assert batch.schema("schema_none") is None
    assert len(queries) == 3


def test_without_a_default_schema_customers_have_no_attributes() -> None:
    assert WorkingSet(now=LONG_AGO).default_schema_id is None
    assert WorkingSet(now=LONG_AGO).default_attributes("ada") is None


def test_records_are_loaded_in_one_query_and_not_again(batch: WorkingSet) -> None:
    with CaptureQueriesContext(connection) as queries:
        batch.load(SCHEMA, ["bob", "ada", "eve", "ada"], lock=False)
        batch.load(SCHEMA, ["ada", "eve"], lock=False)
        assert batch.attributes(SCHEMA, "ada") == {"event_count": 1, "balance": 1e300}
        assert batch.attributes(SCHEMA, "bob") == {}
        assert batch.attributes(SCHEMA, "eve") is None
    assert len(queries) == 1


def test_what_nobody_loaded_is_loaded_when_it_is_asked_for(batch: WorkingSet) -> None:
    assert batch.default_attributes("ada") == {"event_count": 1, "balance": 1e300}
    assert batch.default_attributes("eve") is None
    assert batch.default_attributes(None) is None
    assert batch.attributes("schema_none", "ada") is None


def test_locking_reads_anew_once(batch: WorkingSet) -> None:
    batch.load(SCHEMA, ["ada"], lock=False)
    Record.objects.filter(customer_id="ada").update(attributes={"event_count": 2})
    batch.load(SCHEMA, ["ada"], lock=False)
    assert batch.attributes(SCHEMA, "ada") == {"event_count": 1, "balance": 1e300}
    with CaptureQueriesContext(connection) as queries:
        batch.load(SCHEMA, ["ada", "bob"], lock=True)
        batch.load(SCHEMA, ["ada"], lock=True)
        batch.load(SCHEMA, ["bob"], lock=False)
    assert batch.attributes(SCHEMA, "ada") == {"event_count": 2}
    (round_trip,) = queries.captured_queries
    advisory, rows, fields, segments = round_trip["sql"].split(";")
    assert "pg_advisory_xact_lock_shared" in advisory
    assert "ORDER BY customer_id" in rows
    assert rows.rstrip().endswith("FOR UPDATE")
    assert "FROM customers_schema" in fields
    assert "FROM customers_segment" in segments


def test_changes_are_seen_at_once_and_written_at_the_end(batch: WorkingSet) -> None:
    batch.load(SCHEMA, ["ada", "bob"], lock=True)
    with CaptureQueriesContext(connection) as queries:
        assert batch.change(
            schema_id=SCHEMA, customer_id="ada", attributes={"event_count": 2, "is_vip": None}, cause="fir_1", depth=1
        ) == ["balance", "event_count"]
        assert batch.attributes(SCHEMA, "ada") == {"event_count": 2}
        assert batch.change(
            schema_id=SCHEMA, customer_id="bob", attributes={"is_vip": True}, cause="fir_2", depth=3
        ) == ["is_vip"]
        assert batch.change(
            schema_id=SCHEMA, customer_id="ada", attributes={"event_count": 3}, cause="fir_3", depth=1
        ) == ["event_count"]
    assert len(queries) == 0
    assert Record.objects.get(customer_id="ada").attributes == {"event_count": 1, "balance": 1e300}
    consumers.unheard({"customer.updated"})  # what other tests left in the process is read anew here
    with CaptureQueriesContext(connection) as queries:
        batch.flush()
    assert statements(queries) == ["UPDATE", *["SELECT"] * 2, "COPY"]  # then who listens, events
    assert Record.objects.get(customer_id="ada").attributes == {"event_count": 3}
    assert Record.objects.get(customer_id="ada").updated_at == NOW
    assert Record.objects.get(customer_id="bob").attributes == {"is_vip": True}
    assert published() == [
        (
            "customer.updated",
            "ada",
            {
                "schemaId": SCHEMA,
                "before": {"event_count": 1, "balance": 10**300},
                "after": {"event_count": 2},
                "changed": ["balance", "event_count"],
            },
        ),
        (
            "customer.updated",
            "bob",
            {"schemaId": SCHEMA, "before": {}, "after": {"is_vip": True}, "changed": ["is_vip"]},
        ),
        (
            "customer.updated",
            "ada",
            {
                "schemaId": SCHEMA,
                "before": {"event_count": 2},
                "after": {"event_count": 3},
                "changed": ["event_count"],
            },
        ),
    ]
    assert list(Event.objects.order_by("sequence").values_list("cause", "depth", "source")) == [
        ("fir_1", 1, "customers"),
        ("fir_2", 3, "customers"),
        ("fir_3", 1, "customers"),
    ]


def test_flushing_twice_writes_once(batch: WorkingSet) -> None:
    batch.load(SCHEMA, ["bob"], lock=True)
    batch.change(schema_id=SCHEMA, customer_id="bob", attributes={"is_vip": True}, cause="", depth=0)
    batch.flush()
    with CaptureQueriesContext(connection) as queries:
        batch.flush()
    assert len(queries) == 0
    assert batch.attributes(SCHEMA, "bob") == {"is_vip": True}
    assert batch.change(schema_id=SCHEMA, customer_id="bob", attributes={"is_vip": True}, cause="", depth=0) == []


def test_a_change_that_changes_nothing_leaves_no_trace(batch: WorkingSet) -> None:
    batch.load(SCHEMA, ["ada"], lock=True)
    same = {"event_count": 1.0, "balance": 1e300, "email": None}
    assert batch.change(schema_id=SCHEMA, customer_id="ada", attributes=same, cause="fir_1", depth=1) == []
    batch.flush()
    assert published() == []
    assert Record.objects.get(customer_id="ada").updated_at == LONG_AGO


def test_a_record_that_is_not_locked_can_not_be_changed(batch: WorkingSet) -> None:
    batch.load(SCHEMA, ["ada"], lock=False)
    with pytest.raises(RuntimeError):
        batch.change(schema_id=SCHEMA, customer_id="ada", attributes={}, cause="", depth=0)


def test_a_record_that_does_not_exist_can_not_be_changed(batch: WorkingSet) -> None:
    batch.load(SCHEMA, ["eve"], lock=True)
    with pytest.raises(NotFound, match="There is no record of customer 'eve' in schema 'schema_customer_profile'"):
        batch.change(schema_id=SCHEMA, customer_id="eve", attributes={}, cause="", depth=0)


def test_a_record_that_would_become_too_large_is_not_changed(batch: WorkingSet) -> None:
    batch.load(SCHEMA, ["bob"], lock=True)
    with pytest.raises(ValidationFailed, match="at most 25,600 are allowed"):
        batch.change(schema_id=SCHEMA, customer_id="bob", attributes={"email": "x" * 30_000}, cause="", depth=0)
    assert batch.attributes(SCHEMA, "bob") == {}


def test_after_a_rollback_the_batch_forgets_and_begins_anew(batch: WorkingSet) -> None:
    savepoint = transaction.savepoint()
    batch.load(SCHEMA, ["ada", "bob"], lock=True)
    batch.change(schema_id=SCHEMA, customer_id="ada", attributes={"event_count": 2}, cause="fir_1", depth=1)
    batch.flush()
    batch.change(schema_id=SCHEMA, customer_id="bob", attributes={"is_vip": True}, cause="fir_2", depth=1)
    transaction.savepoint_rollback(savepoint)
    batch.forget()
    batch.flush()
    assert published() == []
    assert batch.attributes(SCHEMA, "ada") == {"event_count": 1, "balance": 1e300}
    assert batch.attributes(SCHEMA, "bob") == {}
    with pytest.raises(RuntimeError):
        batch.change(schema_id=SCHEMA, customer_id="bob", attributes={}, cause="", depth=0)
