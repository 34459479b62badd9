"""A schema as the code that reads and writes records needs it."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from kaireon.core.errors import Detail, NotFound, ValidationFailed
from kaireon.core.ids import GIVEN_ID
from kaireon.core.json_values import decode
from kaireon.customers.field_types import Field, check_value

_LONGEST_NAME_ECHOED = 64
_MOST_PROBLEMS_TOLD = 50

SELECT_FIELDS = "SELECT fields::text FROM customers_schema WHERE id = %s"


@dataclass(frozen=True, slots=True)
class SchemaFacts:
    """The id of a schema, and its fields by name in their order."""

    id: str
    fields: Mapping[str, Field]

    def field(self, name: str) -> Field:
        """The field of that name. Raises ValidationFailed at the name, with the field that may have been meant."""
        found = self.fields.get(name)
        if found is None:
            close = difflib.get_close_matches(name, self.fields, n=1)
            hint = f"did you mean {close[0]}?" if close else self._known()
            raise ValidationFailed.at(name[:_LONGEST_NAME_ECHOED], f"is not a field of {self.id}; {hint}")
        return found

    def check(self, attributes: Mapping[str, Any]) -> dict[str, Any]:
        """The stored form of each attribute, None where it is null. Raises ValidationFailed with each one's problem."""
        stored: dict[str, Any] = {}
        problems: list[Detail] = []
        for name, value in attributes.items():
            try:
                stored[name] = check_value(self.field(name), value)
            except ValidationFailed as error:
                problems.extend(error.details)
                if len(problems) >= _MOST_PROBLEMS_TOLD:
                    break
        if problems:
            raise ValidationFailed.of(problems)
        return stored

    def _known(self) -> str:
        if not self.fields:
            return "it has no fields yet."
        names = list(self.fields)
        more = f" and {len(names) - 20} more" if len(names) > 20 else ""
        return f"its fields are {', '.join(names[:20])}{more}."


def facts_of(schema_id: str, fields: Iterable[Mapping[str, str]]) -> SchemaFacts:
    """The facts of a schema whose `fields` are `{name, dataType}`, as stored."""
    return SchemaFacts(schema_id, {raw["name"]: Field(raw["name"], raw["dataType"]) for raw in fields})


def find_facts(schema_id: str, *, lock: bool = False) -> SchemaFacts | None:
    """The facts of that schema; None where there is none.

    With `lock`, until the transaction ends no field is removed or given another type (see `schemas.update_schema`), and
    the schema is not deleted. Whoever creates a record needs that, since a schema with records keeps its fields.
    """
    if not GIVEN_ID.match(schema_id):
        return None
    with connection.cursor() as cursor:
        cursor.execute(f"{SELECT_FIELDS} FOR KEY SHARE" if lock else SELECT_FIELDS, [schema_id])
        return facts_in(schema_id, cursor.fetchone())


def facts_in(schema_id: str, row: Sequence[str] | None) -> SchemaFacts | None:
    """The facts in what SELECT_FIELDS gives."""
    return None if row is None else facts_of(schema_id, decode(row[0].encode()))


def locked_facts(schema_id: str) -> SchemaFacts:
    """`find_facts` with the lock. Raises NotFound."""
    facts = find_facts(schema_id, lock=True)
    if facts is None:
        raise no_such_schema(schema_id)
    return facts


def no_such_schema(schema_id: str) -> NotFound:
    """The error to raise."""
    return NotFound(f"There is no schema {schema_id!r}.")
