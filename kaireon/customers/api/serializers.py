"""Bodies of the routes of schemas and records."""

from typing import Any

from rest_framework import serializers

from kaireon.core.rest import Choice, Flag, IdText, Items, JSONObjectField, Line, StrictSerializer, Text
from kaireon.customers.field_types import FIELD_TYPES, Field
from kaireon.customers.records import MAX_ROWS
from kaireon.customers.schemas import MAX_FIELDS, NAME_MAX_LENGTH


class FieldBody(StrictSerializer):
    """A field of a schema."""

    name = Text(help_text="A letter, then up to 63 letters, digits and _.")
    dataType = Choice(list(FIELD_TYPES))

    def to_internal_value(self, data: Any) -> Field:
        """The domain's field instead of a dictionary."""
        values = super().to_internal_value(data)
        return Field(values["name"], values["dataType"])


_FIELD_COUNT: Any = {
    "max_length": MAX_FIELDS,
    "error_messages": {
        "required": "is required.",
        "null": "must not be null.",
        "not_a_list": "must be a list.",
        "max_length": f"are too many; at most {MAX_FIELDS} are allowed.",
    },
}


class SchemaBody(StrictSerializer):
    """A schema, as it is sent on creation and answered."""

    id = IdText(required=False)
    name = Line(max_length=NAME_MAX_LENGTH)
    displayName = Line(source="display_name", required=False, allow_blank=True, max_length=NAME_MAX_LENGTH)
    isDefault = Flag(source="is_default", required=False)
    fields = FieldBody(many=True, **_FIELD_COUNT)  # type: ignore[assignment]  # DRF's metaclass takes it out of the class again
    createdAt = serializers.DateTimeField(source="created_at", read_only=True)
    updatedAt = serializers.DateTimeField(source="updated_at", read_only=True)


class SchemaChanges(SchemaBody):
    """What is to change of a schema; the rest stays."""

    name = Line(required=False, max_length=NAME_MAX_LENGTH)
    fields = FieldBody(many=True, required=False, **_FIELD_COUNT)


class RecordBody(StrictSerializer):
    """A record, as it is sent and answered."""

    customerId = Text(source="customer_id", required=False, trim_whitespace=False)
    attributes = JSONObjectField()
    createdAt = serializers.DateTimeField(source="created_at", read_only=True)
    updatedAt = serializers.DateTimeField(source="updated_at", read_only=True)


class RowsBody(StrictSerializer):
    """Rows of a bulk upsert: `customerId` and attributes, side by side."""

    rows = Items(
        child=JSONObjectField(),
        max_length=MAX_ROWS,
        error_messages={"count": "must be 1 to {max_length} rows, not {length}."},
    )


class TallyBody(serializers.Serializer[Any]):
    """What became of the rows."""

    created = serializers.IntegerField()
    updated = serializers.IntegerField()
    unchanged = serializers.IntegerField()
