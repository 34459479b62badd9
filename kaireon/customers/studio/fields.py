"""The attributes of customers, with samples: what conditions and templates can read as `customer.…`."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from kaireon.core.errors import NotFound
from kaireon.core.ids import GIVEN_ID
from kaireon.customers.models import Schema
from kaireon.studio.condition_fields import FoundField, answer, fields_of
from kaireon.studio.pages import StudioPage

MOST_RECORDS = 100

_TYPES = {
    "text": "text",
    "integer": "number",
    "decimal": "number",
    "boolean": "boolean",
    "date": "text",
    "datetime": "datetime",
}


def customer_fields(schema: Schema | None) -> list[FoundField]:
    """The schema's fields in their order, each with what is inside of it, and with samples of a hundred records.

    None, and so the default schema where there is none, has none.
    """
    if schema is None:
        return []
    # By customer, since that is how the index finds records of a schema.
    records = schema.records.order_by("customer_id").values_list("attributes", flat=True)[:MOST_RECORDS]
    found = {one.name: one for one in fields_of(records, under="customer.")}
    fields: list[FoundField] = []
    for declared in schema.fields:
        name = f"customer.{declared['name']}"
        own = found.get(name, FoundField(name))
        if declared["dataType"] in _TYPES:
            own.types.clear()
            own.types[_TYPES[declared["dataType"]]] = 1
        fields += [own, *(one for inner, one in found.items() if inner.startswith(f"{name}."))]
    return fields


def default_customer_fields() -> list[FoundField]:
    """Those of the schema that triggers, offers and flows read."""
    return customer_fields(Schema.objects.filter(is_default=True).first())


class CustomerFields(StudioPage):
    """`?schema=` names a schema; without it, the default one. Answers JSON."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        schema_id = request.GET.get("schema", "")
        if not schema_id:
            return answer(default_customer_fields())
        schema = Schema.objects.filter(pk=schema_id).first() if GIVEN_ID.match(schema_id) else None
        if schema is None:
            raise NotFound(f"There is no schema {schema_id!r}.")
        return answer(customer_fields(schema))
