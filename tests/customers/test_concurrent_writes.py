"""Writers of the same records and schemas at the same time."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from kaireon.core import clock
from kaireon.core.errors import Conflict
from kaireon.customers import records
from kaireon.customers.field_types import Field
from kaireon.customers.models import Record, Schema
from kaireon.customers.record_rows import insert_missing
from kaireon.customers.records import Tally, delete_record, upsert_record, upsert_rows
from kaireon.customers.schemas import create_schema, update_schema
from kaireon.customers.working_set import WorkingSet
from tests.customers.factories import LONG_AGO, make_record, make_schema
from tests.customers.published import published
from tests.customers.together import DEADLINE_SECONDS, in_background, run_together, until_one_waits_for_a_lock

WRITERS = 8
NAMES = [f"c{number:02}" for number in range(40)]

pytestmark = pytest.mark.django_db(transaction=True)


def schema_with_fields(count: int) -> Schema:
    return make_schema(fields={f"f{number}": "integer" for number in range(count)})


def merge(schema_id: str, customer_id: str, attributes: Mapping[str, Any]) -> Tally:
    return upsert_rows(schema_id=schema_id, rows=[{"customerId": customer_id, **attributes}], now=clock.now())


def test_control_writers_who_read_first_and_lock_nothing_lose_changes() -> None:
    schema = schema_with_fields(WRITERS)
    make_record(schema, customer_id="ada")
    all_have_read = threading.Barrier(WRITERS)

    def write(number: int) -> None:
        record = Record.objects.get(customer_id="ada")
        all_have_read.wait(DEADLINE_SECONDS)
        record.attributes = {**record.attributes, f"f{number}": number}
        record.save()

    run_together([partial(write, number) for number in range(WRITERS)])
    assert len(Record.objects.get().attributes) == 1


def test_many_write_one_new_customer_and_every_change_is_told_exactly() -> None:
    schema = schema_with_fields(WRITERS)
    tallies = run_together([partial(merge, schema.pk, "ada", {f"f{number}": number}) for number in range(WRITERS)])
    assert sum(tally.created for tally in tallies) == 1
    assert sum(tally.updated for tally in tallies) == WRITERS - 1
    assert Record.objects.get().attributes == {f"f{number}": number for number in range(WRITERS)}
    events = published()
    assert [event_type for event_type, _, _ in events] == ["customer.created"] + ["customer.updated"] * (WRITERS - 1)
    assert events[0][2]["before"] is None
    assert all(later["before"] == earlier["after"] for (_, _, earlier), (_, _, later) in pairwise(events))
    assert events[-1][2]["after"] == Record.objects.get().attributes


def test_many_patch_and_put_one_customer() -> None:
    schema = schema_with_fields(WRITERS)
    make_record(schema, customer_id="ada", attributes={"f0": -1})

    def write(number: int) -> None:
        upsert_record(
            schema_id=schema.pk,
            customer_id="ada",
            attributes={f"f{number}": number},
            merge=number != 0,
            now=clock.now(),
        )

    run_together([partial(write, number) for number in range(WRITERS)])
    events = [properties for _, _, properties in published()]
    assert len(events) == WRITERS
    assert events[0]["before"] == {"f0": -1}
    assert all(later["before"] == earlier["after"] for earlier, later in pairwise(events))
    assert events[-1]["after"] == Record.objects.get().attributes


@pytest.fixture
def _slow_inserts() -> Iterator[None]:
    """So that writers are in the midst of their rows at the same time."""
    with connection.cursor() as cursor:
        cursor.execute("""
            CREATE FUNCTION slow_insert() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN PERFORM pg_sleep(0.005); RETURN new; END $$;
            CREATE TRIGGER slow_insert BEFORE INSERT ON customers_record FOR EACH ROW EXECUTE FUNCTION slow_insert()
        """)
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION slow_insert CASCADE")


@pytest.mark.usefixtures("_slow_inserts")
def test_control_inserting_in_the_order_of_the_rows_deadlocks() -> None:
    schema = schema_with_fields(0)

    def insert(names: Sequence[str]) -> None:
        Record.objects.bulk_create(
            [Record(schema=schema, customer_id=name, created_at=LONG_AGO, updated_at=LONG_AGO) for name in names]
        )

    with pytest.raises(OperationalError, match="deadlock detected"):
        run_together([partial(insert, NAMES), partial(insert, NAMES[::-1])])


@pytest.mark.usefixtures("_slow_inserts")
def test_bulk_writers_with_the_same_rows_in_any_order_never_deadlock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "_TRIES", 1)
    schema = schema_with_fields(WRITERS)
    for name in NAMES[::2]:
        make_record(schema, customer_id=name)

    def write(number: int) -> None:
        mine = NAMES if number % 2 else NAMES[::-1]
        rows = [{"customerId": name, f"f{number}": number} for name in mine]
        upsert_rows(schema_id=schema.pk, rows=rows, now=clock.now())

    run_together([partial(write, number) for number in range(WRITERS)])
    everything = {f"f{number}": number for number in range(WRITERS)}
    assert [record.attributes for record in Record.objects.all()] == [everything] * len(NAMES)
    types = [event_type for event_type, _, _ in published()]
    assert types.count("customer.created") == len(NAMES) // 2
    assert len(types) == len(NAMES) * WRITERS


def test_a_bulk_writer_that_meets_a_worker_half_way_begins_anew() -> None:
    schema = schema_with_fields(1)
    for name in "ab":
        make_record(schema, customer_id=name)
    rows = [{"customerId": name, "f0": 1} for name in "ab"]
    with transaction.atomic():
        _let_others_find_the_deadlock()
        worker = WorkingSet(now=clock.now())
        worker.load(schema.pk, ["b"], lock=True)
        bulk = in_background(partial(upsert_rows, schema_id=schema.pk, rows=rows, now=clock.now()))
        until_one_waits_for_a_lock()
        worker.load(schema.pk, ["a"], lock=True)
    assert bulk.result(DEADLINE_SECONDS) == Tally(created=0, updated=2, unchanged=0)


def _let_others_find_the_deadlock() -> None:
    """PostgreSQL breaks the one who notices first."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL deadlock_timeout = '1min'")


def test_a_record_that_is_deleted_in_the_middle_of_a_write_is_created_again(monkeypatch: pytest.MonkeyPatch) -> None:
    schema = schema_with_fields(1)
    make_record(schema, customer_id="ada", attributes={"f0": 7})
    deleted = threading.Event()

    def insert_then_somebody_deletes(**arguments: Any) -> set[str]:
        created = insert_missing(**arguments)
        if not deleted.is_set():
            deleted.set()
            delete = partial(delete_record, schema_id=schema.pk, customer_id="ada", now=clock.now())
            in_background(delete).result(DEADLINE_SECONDS)
        return created

    monkeypatch.setattr(records, "insert_missing", insert_then_somebody_deletes)
    assert merge(schema.pk, "ada", {"f0": 8}) == Tally(created=1, updated=0, unchanged=0)
    assert [(event_type, properties["after"]) for event_type, _, properties in published()] == [
        ("customer.created", {"f0": 8})
    ]


def test_a_writer_waits_for_the_batch_that_has_the_record_and_sees_its_change() -> None:
    schema = schema_with_fields(2)
    make_record(schema, customer_id="ada")
    patch = partial(
        upsert_record, schema_id=schema.pk, customer_id="ada", attributes={"f1": 1}, merge=True, now=clock.now()
    )
    with transaction.atomic():
        batch = WorkingSet(now=clock.now())
        batch.load(schema.pk, ["ada"], lock=True)
        patching = in_background(patch)
        until_one_waits_for_a_lock()
        batch.change(schema_id=schema.pk, customer_id="ada", attributes={"f0": 1}, cause="fir_1", depth=1)
        batch.flush()
    record, is_new = patching.result(DEADLINE_SECONDS)
    assert (record.attributes, is_new) == ({"f0": 1, "f1": 1}, False)
    assert [(properties["before"], properties["after"]) for _, _, properties in published()] == [
        ({}, {"f0": 1}),
        ({"f0": 1}, {"f0": 1, "f1": 1}),
    ]


def test_a_field_can_not_change_under_somebody_who_creates_the_first_record() -> None:
    schema = schema_with_fields(1)
    retype = partial(update_schema, schema_id=schema.pk, fields=[Field("f0", "text")], now=clock.now())
    with transaction.atomic():
        merge(schema.pk, "ada", {"f0": 1})
        change = in_background(retype)
        until_one_waits_for_a_lock()
    with pytest.raises(Conflict, match="f0 must stay integer"):
        change.result(DEADLINE_SECONDS)
    assert Schema.objects.get().fields == [{"name": "f0", "dataType": "integer"}]


def test_many_create_a_schema_of_one_name_and_one_becomes_the_default() -> None:
    create = partial(create_schema, name="Customer profile", fields=[], now=LONG_AGO)
    schemas = run_together([create] * WRITERS)
    assert sorted(schema.pk for schema in schemas) == sorted(
        ["schema_customer_profile", *(f"schema_customer_profile_{number}" for number in range(2, WRITERS + 1))]
    )
    assert Schema.objects.filter(is_default=True).count() == 1


def test_many_take_the_default_and_one_has_it() -> None:
    ids = [make_schema(f"schema_{number}", is_default=False).pk for number in range(WRITERS)]
    run_together([partial(update_schema, schema_id=pk, is_default=True, now=clock.now()) for pk in ids])
    assert Schema.objects.filter(is_default=True).count() == 1
