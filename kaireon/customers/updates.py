"""Updates of a record's attributes by templates and expressions: `{field, value}` or `{field, expression}`.

What triggers (`update_attribute`) and journeys (`update` nodes) share: the shape, what is checked on save, and the new
attributes, worked out while the record is locked.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from kaireon.core.clock import parse_moment
from kaireon.core.errors import Detail, ValidationFailed, join_path
from kaireon.core.expressions import Expression, ExpressionError
from kaireon.core.expressions import parse as parse_expression
from kaireon.core.rest import IdText, Items, JSONValueField, StrictSerializer, Text, validated
from kaireon.core.templating import RenderError, Template, TemplateError
from kaireon.core.templating import parse as parse_template
from kaireon.customers.field_types import Field, check_value
from kaireon.customers.schema_facts import SchemaFacts, find_facts

MAX_UPDATES = 50


class UpdateBody(StrictSerializer):
    """One attribute's new value: a value (Liquid), or an expression over the record's own attributes."""

    field = Text(max_length=64)
    value = JSONValueField(required=False, allow_null=True, max_bytes=16 * 1024)
    expression = Text(required=False, max_length=500)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Exactly one of the two."""
        if ("value" in attrs) == ("expression" in attrs):
            raise serializers.ValidationError("needs either value or expression.")
        return attrs


class UpdatesConfig(StrictSerializer):
    """The schema, and what changes in the record there."""

    schemaId = IdText()
    updates = Items(child=UpdateBody(), max_length=MAX_UPDATES)


@dataclass(frozen=True, slots=True)
class PreparedUpdate:
    """One attribute's new value, parsed."""

    field: str
    source: Template | Expression


@dataclass(frozen=True, slots=True)
class PreparedUpdates:
    """A config with its templates and expressions parsed."""

    schema_id: str
    updates: tuple[PreparedUpdate, ...]


class UpdateFailed(Exception):
    """The new attributes can't be worked out for this event; the message says why."""


def check_updates(config: Mapping[str, Any], *, roots: AbstractSet[str]) -> dict[str, Any]:
    """The config as it is stored. Raises ValidationFailed with every problem, at paths such as `updates[1].expression`.

    The schema and its fields must exist, templates (which read what begins with one of `roots`) and expressions must
    parse, and a constant value must be of its field's type.
    """
    values = validated(UpdatesConfig, config)
    schema = find_facts(values["schemaId"])
    if schema is None:
        raise ValidationFailed.at("schemaId", f"there is no schema {values['schemaId']!r}; see GET /schemas.")
    problems: list[Detail] = []
    for index, update in enumerate(values["updates"]):
        try:
            _check_update(update, schema, roots)
        except ValidationFailed as error:
            problems += error.under(f"updates[{index}]").details
    if problems:
        raise ValidationFailed.of(problems)
    return values


def prepare_updates(config: Mapping[str, Any], *, roots: AbstractSet[str]) -> PreparedUpdates:
    """A config that `check_updates` has passed, parsed."""
    updates = (PreparedUpdate(update["field"], _source(update, roots)) for update in config["updates"])
    return PreparedUpdates(config["schemaId"], tuple(updates))


def new_attributes(
    updates: Sequence[PreparedUpdate],
    *,
    schema: SchemaFacts,
    before: Mapping[str, Any],
    context: Mapping[str, Any],
) -> dict[str, Any]:
    """All attributes of the record after `updates`; a later one sees what an earlier one has set.

    Raises UpdateFailed.
    """
    after = dict(before)
    for update in updates:
        field = schema.fields.get(update.field)
        if field is None:
            raise UpdateFailed(f"schema {schema.id} has no field {update.field} any more.")
        value = _fitting(field, _evaluate(update, context, after))
        try:
            stored = check_value(field, value)
        except ValidationFailed as error:
            raise UpdateFailed(f"{update.field} {error.details[0].message}") from None
        if stored is None:
            after.pop(update.field, None)
        else:
            after[update.field] = stored
    return after


def _evaluate(update: PreparedUpdate, context: Mapping[str, Any], attributes: Mapping[str, Any]) -> Any:
    try:
        if isinstance(update.source, Template):
            return update.source.render(context)
        result = update.source.evaluate(attributes)
    except RenderError as error:
        raise UpdateFailed(f"the value of {update.field} can't be rendered for this event: {error}") from None
    except ExpressionError as error:
        raise UpdateFailed(f"the expression of {update.field} can't be evaluated: {error}") from None
    if isinstance(result, Decimal):
        return int(result) if result == result.to_integral_value() else float(result)
    return result


def _fitting(field: Field, value: Any) -> Any:
    """A date field takes the day of a moment, so that `{{event.timestamp}}` can be stored as a date."""
    moment = parse_moment(value) if field.data_type == "date" and isinstance(value, str) else None
    return moment.date().isoformat() if moment else value


def _check_update(update: Mapping[str, Any], schema: SchemaFacts, roots: AbstractSet[str]) -> None:
    try:
        field = schema.field(update["field"])
    except ValidationFailed as error:
        raise ValidationFailed.at("field", error.details[0].message) from None
    try:
        source = _source(update, roots)
    except TemplateError as error:
        raise ValidationFailed.of(
            [Detail(join_path("value", path), message) for path, message in error.problems]
        ) from None
    except ExpressionError as error:
        raise ValidationFailed.at("expression", str(error)) from None
    if isinstance(source, Expression):
        for name in sorted(source.names):
            try:
                schema.field(name)
            except ValidationFailed as error:
                raise ValidationFailed.at("expression", f"{name} {error.details[0].message}") from None
    elif not source.fields_read:
        try:
            check_value(field, _fitting(field, source.render({})))
        except ValidationFailed as error:
            raise ValidationFailed.at("value", error.details[0].message) from None


def _source(update: Mapping[str, Any], roots: AbstractSet[str]) -> Template | Expression:
    if "expression" in update:
        return parse_expression(update["expression"])
    return parse_template(update["value"], roots=frozenset(roots))
