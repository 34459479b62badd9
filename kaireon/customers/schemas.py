"""Creating, changing and deleting schemas, each with its audit entry in the same transaction."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from audit.log import NewEntry, changes, record
from kaireon.core.errors import Conflict, Detail, ValidationFailed
from kaireon.core.ids import GIVEN_ID, GIVEN_ID_RULE, slug_id
from kaireon.customers.field_types import FIELD_TYPES, Field
from kaireon.customers.models import Schema
from kaireon.customers.schema_facts import facts_of, no_such_schema

MAX_FIELDS = 200
NAME_MAX_LENGTH = 255
FIELD_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_]{0,63}\Z")
FIELD_NAME_RULE = "a letter, then up to 63 letters, digits and _"
# Rows of a bulk upsert hold the customer's id under this name, beside the attributes.
RESERVED_FIELD_NAME = "customerId"


def find_schema(schema_id: str) -> Schema:
    """The schema with that id. Raises NotFound."""
    schema = Schema.objects.filter(pk=schema_id).first() if GIVEN_ID.match(schema_id) else None
    if schema is None:
        raise no_such_schema(schema_id)
    return schema


@transaction.atomic
def create_schema(
    *,
    name: str,
    fields: Sequence[Field],
    schema_id: str | None = None,
    display_name: str = "",
    is_default: bool | None = None,
    now: datetime,
) -> Schema:
    """A new schema. Without a word on `is_default` it becomes the default where there is none; with True it takes over.

    Raises ValidationFailed, or Conflict where the id is taken.
    """
    _check_name(name)
    _check_fields(fields)
    _one_change_at_a_time()
    if schema_id is None:
        schema_id = slug_id("schema_", name, taken=_exists)
    elif not GIVEN_ID.match(schema_id):
        raise ValidationFailed.at("id", f"must be {GIVEN_ID_RULE}.")
    elif _exists(schema_id):
        raise Conflict(f"There is a schema {schema_id!r} already; choose another id, or change that one.")
    if is_default is None:
        is_default = not Schema.objects.filter(is_default=True).exists()
    if is_default:
        _take_the_default(now=now)
    schema = Schema.objects.create(
        id=schema_id,
        name=name,
        display_name=display_name,
        is_default=is_default,
        fields=_as_json(fields),
        created_at=now,
        updated_at=now,
    )
    record(NewEntry(action="schema.created", subject=schema.pk, facts=_snapshot(schema), at=now))
    return schema


@transaction.atomic
def update_schema(
    *,
    schema_id: str,
    name: str | None = None,
    fields: Sequence[Field] | None = None,
    display_name: str | None = None,
    is_default: bool | None = None,
    now: datetime,
) -> Schema:
    """The schema with what was given changed; None leaves a thing as it is. Where nothing changes, nothing is written.

    Raises NotFound, ValidationFailed, or Conflict: while there are records no field is removed or given another type,
    and the default stays the default until another schema takes over.
    """
    schema = _hold(schema_id)
    before = _snapshot(schema)
    if name is not None:
        _check_name(name)
        schema.name = name
    if display_name is not None:
        schema.display_name = display_name
    if fields is not None:
        _check_fields(fields)
        _refuse_losses(schema, fields)
        schema.fields = _as_json(fields)
    if is_default is not None and is_default != schema.is_default:
        if not is_default:
            raise Conflict(f"{schema_id} is the default schema. Make another one the default, and it ceases to be.")
        _take_the_default(now=now)
        schema.is_default = True
    changed = changes(before, _snapshot(schema))
    if changed:
        schema.updated_at = now
        schema.save(update_fields=["name", "display_name", "fields", "is_default", "updated_at"])
        record(NewEntry(action="schema.updated", subject=schema.pk, facts=changed, at=now))
    return schema


@transaction.atomic
def delete_schema(*, schema_id: str, now: datetime) -> None:
    """Removes a schema without records and segments. The default goes last of all. Raises NotFound or Conflict."""
    schema = _hold(schema_id)
    if schema.records.exists():
        raise Conflict(f"{schema_id} has records; delete them first.")
    if schema.segments.exists():
        raise Conflict(f"{schema_id} has segments; delete them first.")
    if schema.is_default and Schema.objects.exclude(pk=schema_id).exists():
        raise Conflict(f"{schema_id} is the default schema; make another one the default first.")
    facts = _snapshot(schema)
    schema.delete()
    record(NewEntry(action="schema.deleted", subject=schema_id, facts=facts, at=now))


def _one_change_at_a_time() -> None:
    """Lets readers and writers of records through, and makes a second change of any schema wait for the first."""
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE customers_schema IN SHARE ROW EXCLUSIVE MODE")


def _hold(schema_id: str) -> Schema:
    """The schema, locked against those who are about to create a record (they hold `schema_facts.locked_facts`)."""
    find_schema(schema_id)
    _one_change_at_a_time()
    schema = Schema.objects.select_for_update().filter(pk=schema_id).first()
    if schema is None:
        raise no_such_schema(schema_id)
    return schema


def _exists(schema_id: str) -> bool:
    return Schema.objects.filter(pk=schema_id).exists()


def _take_the_default(*, now: datetime) -> None:
    holder = Schema.objects.filter(is_default=True).first()
    if holder is None:
        return
    before = _snapshot(holder)
    holder.is_default = False
    holder.updated_at = now
    holder.save(update_fields=["is_default", "updated_at"])
    record(NewEntry(action="schema.updated", subject=holder.pk, facts=changes(before, _snapshot(holder)), at=now))


def _check_name(name: str) -> None:
    if not 1 <= len(name) <= NAME_MAX_LENGTH:
        raise ValidationFailed.at("name", f"must be 1 to {NAME_MAX_LENGTH} characters.")


def _check_fields(fields: Sequence[Field]) -> None:
    if len(fields) > MAX_FIELDS:
        raise ValidationFailed.at("fields", f"are {len(fields)}; at most {MAX_FIELDS} are allowed.")
    problems: list[Detail] = []
    seen: set[str] = set()
    for index, field in enumerate(fields):
        path = f"fields[{index}]"
        if not FIELD_NAME.match(field.name):
            problems.append(Detail(f"{path}.name", f"must be {FIELD_NAME_RULE}."))
        elif field.name == RESERVED_FIELD_NAME:
            problems.append(Detail(f"{path}.name", "is reserved for the customer's id; choose another name."))
        elif field.name in seen:
            problems.append(Detail(f"{path}.name", f"{field.name} is there twice; names are unique in a schema."))
        if field.data_type not in FIELD_TYPES:
            problems.append(Detail(f"{path}.dataType", f"must be one of {', '.join(FIELD_TYPES)}."))
        seen.add(field.name)
    if problems:
        raise ValidationFailed.of(problems)


def _refuse_losses(schema: Schema, fields: Sequence[Field]) -> None:
    """Values that are stored must stay valid."""
    wanted = {field.name: (index, field) for index, field in enumerate(fields)}
    losses: list[Detail] = []
    for name, field in facts_of(schema.pk, schema.fields).fields.items():
        if name not in wanted:
            losses.append(Detail("fields", f"{name} can't be removed"))
        elif wanted[name][1].data_type != field.data_type:
            losses.append(Detail(f"fields[{wanted[name][0]}].dataType", f"{name} must stay {field.data_type}"))
    if losses and schema.records.exists():
        said = "; ".join(loss.message for loss in losses)
        raise Conflict(
            f"{schema.pk} has records: {said}. Add a field with another name, or delete the records.", losses
        )


def _as_json(fields: Sequence[Field]) -> list[dict[str, str]]:
    return [{"name": field.name, "dataType": field.data_type} for field in fields]


def _snapshot(schema: Schema) -> dict[str, Any]:
    """What the audit log tells of a schema."""
    return {
        "name": schema.name,
        "displayName": schema.display_name,
        "isDefault": schema.is_default,
        "fields": schema.fields,
    }
