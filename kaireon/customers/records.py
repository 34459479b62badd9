"""Records of customers: written by one customer's id or by rows, each change with its events in the same transaction.
The memberships in segments go along with it.

A write has two steps: first all records are inserted that are not there, then those that were there are locked and
changed, both in the order of their customer ids. Nobody who is still at the first step holds a lock of the second one.
So writers queue up, whatever their rows have in common, and the `before` and `after` of every event are exact. (Locking
first and inserting afterwards deadlocks: two may lock what a third has just inserted, and wait for each other's rows.)
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.db import OperationalError, transaction
from psycopg import errors

from audit.log import NewEntry, record
from kaireon.core.errors import ApiError, Detail, NotFound, ServiceUnavailable, ValidationFailed
from kaireon.core.ids import CUSTOMER_ID_RULE, is_customer_id
from kaireon.customers.memberships import RecordChange, follow, hold_segments
from kaireon.customers.models import Record
from kaireon.customers.record_changes import (
    Attributes,
    changed_names,
    check_size,
    created_event,
    updated_event,
    without_nulls,
)
from kaireon.customers.record_rows import insert_missing, read_rows, update_rows
from kaireon.customers.schema_facts import SchemaFacts, locked_facts
from kaireon.customers.schemas import RESERVED_FIELD_NAME
from kaireon.events.publish import NewEvent, publish

MAX_ROWS = 1000
_MOST_PROBLEMS_TOLD = 100
_TRIES = 4

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of the rows of a bulk upsert."""

    created: int
    updated: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class _Given:
    """What somebody wants written for a customer: attributes in their stored form, None to remove one."""

    customer_id: str
    attributes: Attributes
    path: str


class _RecordVanished(Exception):
    """A record was deleted between the two steps: begin anew."""


def find_record(*, schema_id: str, customer_id: str) -> Record:
    """The record. Raises NotFound, also for an id that no customer can have."""
    found = None
    if is_customer_id(customer_id):
        found = Record.objects.filter(schema_id=schema_id, customer_id=customer_id).first()
    if found is None:
        raise _no_such_record(schema_id, customer_id)
    return found


def upsert_record(
    *, schema_id: str, customer_id: str, attributes: Mapping[str, Any], merge: bool, now: datetime
) -> tuple[Record, bool]:
    """The customer's record after the write, and whether it is new.

    With `merge` the attributes are laid over those of a record that must exist, and null removes one. Without, they
    replace all that the record had, and a missing record is created. Raises NotFound (schema, or record to merge into)
    or ValidationFailed with paths such as `attributes.age`.
    """
    if not is_customer_id(customer_id):
        if merge:
            raise _no_such_record(schema_id, customer_id)
        raise ValidationFailed.at("customerId", f"must be {CUSTOMER_ID_RULE}.")

    def write() -> tuple[Record, bool]:
        facts = locked_facts(schema_id)
        hold_segments(schema_id)
        given = _Given(customer_id, _checked(facts, attributes, path="attributes"), "attributes")
        tally = _write(facts, [given], merge=merge, create=not merge, now=now)
        return find_record(schema_id=schema_id, customer_id=customer_id), tally.created == 1

    return _in_transaction(write)


def upsert_rows(*, schema_id: str, rows: Sequence[Any], now: datetime) -> Tally:
    """Merges each of 1 to 1000 rows `{"customerId": …, attribute: value, …}` into its record, or creates that.

    All rows are valid or nothing is stored: raises ValidationFailed with paths such as `rows[3].age`, or NotFound.
    """
    if not 1 <= len(rows) <= MAX_ROWS:
        raise ValidationFailed.at("rows", f"must be 1 to {MAX_ROWS} rows, not {len(rows)}.")

    def write() -> Tally:
        facts = locked_facts(schema_id)
        hold_segments(schema_id)
        return _write(facts, _read_rows(facts, rows), merge=True, create=True, now=now)

    return _in_transaction(write)


@transaction.atomic
def delete_record(*, schema_id: str, customer_id: str, now: datetime) -> None:
    """Removes the record, and the customer from the segments of its schema, which `segment.exited` tells.

    No event tells of the record itself, the audit log does. Raises NotFound.
    """
    hold_segments(schema_id)
    held = read_rows(schema_id=schema_id, customer_ids=[customer_id], lock=True) if is_customer_id(customer_id) else {}
    if customer_id not in held:
        raise _no_such_record(schema_id, customer_id)
    (exits,) = follow(schema_id, [RecordChange(customer_id, None)], now=now)
    Record.objects.filter(pk=held[customer_id].id).delete()
    publish(exits, now=now)
    record(
        NewEntry(
            action="record.deleted",
            subject=customer_id,
            customer_id=customer_id,
            facts={"schemaId": schema_id},
            at=now,
        )
    )


def _read_rows(facts: SchemaFacts, rows: Sequence[Any]) -> list[_Given]:
    given: list[_Given] = []
    problems: list[Detail] = []
    index_by_customer: dict[str, int] = {}
    for index, row in enumerate(rows):
        try:
            read = _read_row(facts, row, path=f"rows[{index}]")
        except ValidationFailed as error:
            problems.extend(error.details)
            if len(problems) >= _MOST_PROBLEMS_TOLD:
                break
            continue
        first = index_by_customer.setdefault(read.customer_id, index)
        if first != index:
            problems.append(
                Detail(f"rows[{index}].customerId", f"is the customer of rows[{first}]; send one row a customer.")
            )
        given.append(read)
    if problems:
        raise ValidationFailed.of(problems)
    return given


def _read_row(facts: SchemaFacts, row: Any, *, path: str) -> _Given:
    if not isinstance(row, Mapping):
        raise ValidationFailed.at(path, "must be an object with customerId and attributes.")
    customer_id = row.get(RESERVED_FIELD_NAME)
    if not isinstance(customer_id, str) or not is_customer_id(customer_id):
        raise ValidationFailed.at(f"{path}.customerId", f"must be {CUSTOMER_ID_RULE}.")
    attributes = {name: value for name, value in row.items() if name != RESERVED_FIELD_NAME}
    return _Given(customer_id, _checked(facts, attributes, path=path), path)


def _checked(facts: SchemaFacts, attributes: Mapping[str, Any], *, path: str) -> Attributes:
    try:
        return facts.check(attributes)
    except ValidationFailed as error:
        raise error.under(path) from None


def _write(facts: SchemaFacts, rows: Sequence[_Given], *, merge: bool, create: bool, now: datetime) -> Tally:
    """Nine statements at most, however many rows."""
    new = {row.customer_id: without_nulls(row.attributes) for row in rows}
    for row in rows:
        check_size(new[row.customer_id], path=row.path)
    created = insert_missing(schema_id=facts.id, attributes=new, now=now) if create else set()
    held = read_rows(schema_id=facts.id, customer_ids=new.keys() - created, lock=True)
    events: list[NewEvent] = []
    told: list[RecordChange] = []
    changes: dict[int, Attributes] = {}
    for row in rows:
        after = new[row.customer_id]
        if row.customer_id in created:
            events.append(created_event(schema_id=facts.id, customer_id=row.customer_id, after=after))
            told.append(RecordChange(row.customer_id, after))
            continue
        if row.customer_id not in held:
            raise _RecordVanished if create else _no_such_record(facts.id, row.customer_id)
        found = held[row.customer_id]
        if merge:
            after = without_nulls({**found.attributes, **row.attributes})
            check_size(after, path=row.path)
        changed = changed_names(found.attributes, after)
        if changed:
            changes[found.id] = after
            events.append(
                updated_event(
                    schema_id=facts.id,
                    customer_id=row.customer_id,
                    before=found.attributes,
                    after=after,
                    changed=changed,
                )
            )
            told.append(RecordChange(row.customer_id, after))
    update_rows(changes, now=now)
    consequences = follow(facts.id, told, now=now)
    publish(
        [one for event, more in zip(events, consequences, strict=True) for one in (event, *more)],
        now=now,
        settle_unheard=True,
    )
    return Tally(created=len(created), updated=len(changes), unchanged=len(rows) - len(events))


def _in_transaction(write: Callable[[], T]) -> T:
    """Runs `write` in a transaction, and anew where another writer got in between.

    A worker locks the records of a batch of events action by action, so it can meet a bulk upsert half-way. PostgreSQL
    ends such a deadlock by breaking one of the two.
    """
    for _ in range(_TRIES):
        try:
            with transaction.atomic():
                return write()
        except _RecordVanished:
            continue
        except OperationalError as error:
            if not isinstance(error.__cause__, errors.DeadlockDetected):
                raise
    raise ServiceUnavailable("Others are changing the same records; send the request again.")


def _no_such_record(schema_id: str, customer_id: str) -> ApiError:
    return NotFound(f"There is no record of customer {customer_id!r} in schema {schema_id!r}.")
