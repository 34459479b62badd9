"""The records that a batch of events is about: read once, changed in memory, written once."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db import connection

from kaireon.core.errors import NotFound
from kaireon.customers.locked_look import lock_and_look
from kaireon.customers.memberships import ActiveSegment, RecordChange, follow
from kaireon.customers.record_changes import Attributes, changed_names, check_size, updated_event, without_nulls
from kaireon.customers.record_rows import RecordRow, read_rows, update_rows
from kaireon.customers.schema_facts import SchemaFacts, find_facts
from kaireon.events.publish import NewEvent, publish

_Key = tuple[str, str]
"""Schema id, customer id."""


class WorkingSet:
    """Lives as long as the transaction that it works in, and is no older than that: nothing is kept in the process.

    `load` what the batch needs, read `attributes`, lock and `change`, `flush` before the commit. After a rollback to a
    savepoint that was set before a load or a change: `forget`, and load again.
    """

    def __init__(self, *, now: datetime) -> None:
        self._now = now
        self._schemas: dict[str, SchemaFacts | None] = {}
        self._segments: dict[str, Sequence[ActiveSegment]] = {}
        self._rows: dict[_Key, RecordRow | None] = {}
        self._locked: set[_Key] = set()
        self._staged: dict[_Key, Attributes] = {}
        self._events: list[NewEvent] = []
        self._changes: list[tuple[str, RecordChange]] = []

    @cached_property
    def default_schema_id(self) -> str | None:
        """The schema that `customer.…` reads; None where there is none."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT id FROM customers_schema WHERE is_default")
            row = cursor.fetchone()
        return str(row[0]) if row else None

    def schema(self, schema_id: str) -> SchemaFacts | None:
        """The schema's fields with their types; None where there is no such schema."""
        if schema_id not in self._schemas:
            self._schemas[schema_id] = find_facts(schema_id)
        return self._schemas[schema_id]

    def load(self, schema_id: str, customer_ids: Iterable[str], *, lock: bool) -> None:
        """Reads what is not there yet in one query; `lock` reads anew what is not locked yet, and locks it.

        Rows are locked in the order of their customer ids. Lock all that the batch will change in one call where you
        can: two calls that lock can deadlock with a bulk upsert, and PostgreSQL then breaks one of the two.
        """
        known = self._locked if lock else self._rows.keys()
        wanted = {customer_id for customer_id in customer_ids if (schema_id, customer_id) not in known}
        if lock and wanted:
            look = lock_and_look(schema_id, wanted)
            found, self._schemas[schema_id], self._segments[schema_id] = look.rows, look.facts, look.segments
        else:
            found = read_rows(schema_id=schema_id, customer_ids=wanted, lock=False)
        for customer_id in wanted:
            key = (schema_id, customer_id)
            self._rows[key] = found.get(customer_id)
            if lock:
                self._locked.add(key)

    def attributes(self, schema_id: str, customer_id: str) -> Mapping[str, Any] | None:
        """The record's attributes with the changes so far; None where there is no record. Not to be altered.

        What nobody has loaded is loaded now: a query too many, never a wrong answer.
        """
        key = (schema_id, customer_id)
        if key in self._staged:
            return self._staged[key]
        if key not in self._rows:
            self.load(schema_id, [customer_id], lock=False)
        row = self._rows[key]
        return None if row is None else row.attributes

    def default_attributes(self, customer_id: str | None) -> Mapping[str, Any] | None:
        """The customer's attributes in the default schema; None where the schema, the customer or the record lacks."""
        if customer_id is None or self.default_schema_id is None:
            return None
        return self.attributes(self.default_schema_id, customer_id)

    def change(
        self, *, schema_id: str, customer_id: str, attributes: Mapping[str, Any], cause: str, depth: int
    ) -> list[str]:
        """Puts `attributes`, all that the record is to have, in the place of those it has, and says which ones differ.

        Values are in their stored form (`field_types.check_value`); a null is an attribute less. The record must have
        been loaded with `lock`. `cause` is the firing's id, `depth` the one of the event that tells of the change.
        Raises NotFound where there is no record, ValidationFailed where it would become too large.
        """
        key = (schema_id, customer_id)
        if key not in self._locked:
            raise RuntimeError(
                "A record is changed that was not loaded with lock=True; the change could undo another's."
            )
        before = self.attributes(schema_id, customer_id)
        if before is None:
            raise NotFound(f"There is no record of customer {customer_id!r} in schema {schema_id!r}.")
        after = without_nulls(attributes)
        changed = changed_names(before, after)
        if not changed:
            return []
        check_size(after, path="")
        self._staged[key] = after
        self._events.append(
            updated_event(
                schema_id=schema_id,
                customer_id=customer_id,
                before=before,
                after=after,
                changed=changed,
                cause=cause,
                depth=depth,
            )
        )
        self._changes.append((schema_id, RecordChange(customer_id, after, cause=cause, depth=depth)))
        return changed

    def flush(self) -> None:
        """Writes the changed records in one statement, and publishes one event for each change, in their order, with
        the segments that the customer thereby enters and exits behind it."""
        changed: dict[int, Attributes] = {}
        for key, attributes in self._staged.items():
            row = self._rows[key]
            assert row is not None, "only records that exist are staged"
            changed[row.id] = attributes
            self._rows[key] = RecordRow(row.id, attributes)
        update_rows(changed, now=self._now)
        publish(self._events_and_consequences(), now=self._now, settle_unheard=True)
        self._clear_staged()

    def forget(self) -> None:
        """Drops every record, loaded or changed: a rollback took the locks and the changes with it."""
        self._segments.clear()
        self._rows.clear()
        self._locked.clear()
        self._clear_staged()

    def _events_and_consequences(self) -> list[NewEvent]:
        by_schema: dict[str, list[RecordChange]] = {}
        for schema_id, change in self._changes:
            by_schema.setdefault(schema_id, []).append(change)
        consequences = {
            schema_id: iter(follow(schema_id, changes, now=self._now, segments=self._segments[schema_id]))
            for schema_id, changes in by_schema.items()
        }
        return [
            one
            for event, (schema_id, _) in zip(self._events, self._changes, strict=True)
            for one in (event, *next(consequences[schema_id]))
        ]

    def _clear_staged(self) -> None:
        self._staged.clear()
        self._events.clear()
        self._changes.clear()
