"""`update_attribute`: changes attributes of the event's customer in one schema, and so publishes `customer.updated`."""

from collections.abc import Mapping, Sequence
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
from triggers.actions.base import TEMPLATE_ROOTS, Action, ActionFailed, Needs, Result, Scope, Work
from triggers.models import Outcome

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


class UpdateAttributeConfig(StrictSerializer):
    """actionConfig of update_attribute."""

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


class UpdateAttribute(Action[PreparedUpdates]):
    """Rows are locked while expressions are evaluated; updates of one trigger apply in their order."""

    action_type = "update_attribute"
    label = "Change customer attributes"
    needs_customer = True
    config = UpdateAttributeConfig

    def check(self, config: Mapping[str, Any]) -> dict[str, Any]:
        values = validated(UpdateAttributeConfig, config)
        schema = find_facts(values["schemaId"])
        if schema is None:
            raise ValidationFailed.at("schemaId", f"there is no schema {values['schemaId']!r}; see GET /schemas.")
        problems: list[Detail] = []
        for index, update in enumerate(values["updates"]):
            try:
                _check_update(update, schema)
            except ValidationFailed as error:
                problems += error.under(f"updates[{index}]").details
        if problems:
            raise ValidationFailed.of(problems)
        return values

    def prepare(self, config: Mapping[str, Any]) -> PreparedUpdates:
        return PreparedUpdates(
            schema_id=config["schemaId"],
            updates=tuple(PreparedUpdate(update["field"], _source(update)) for update in config["updates"]),
        )

    def needs(self, prepared: PreparedUpdates) -> Needs:
        return Needs(
            reads_customer=any(
                isinstance(update.source, Template) and update.source.reads("customer") for update in prepared.updates
            ),
            writes_schema=prepared.schema_id,
        )

    def execute(self, works: Sequence[Work[PreparedUpdates]], scope: Scope) -> list[Result]:
        for schema_id in sorted({work.prepared.schema_id for work in works}):
            customer_ids = {_customer(work) for work in works if work.prepared.schema_id == schema_id}
            scope.records.load(schema_id, customer_ids, lock=True)
        results = [_carry_out(work, scope) for work in works]
        scope.records.flush()
        return results

    def preview(self, work: Work[PreparedUpdates], scope: Scope) -> Mapping[str, Any]:
        scope.records.load(work.prepared.schema_id, {_customer(work)}, lock=False)
        before, after = _new_attributes(work, scope)
        return {
            "schemaId": work.prepared.schema_id,
            "updates": [
                {"field": update.field, "before": before.get(update.field), "after": after.get(update.field)}
                for update in work.prepared.updates
            ],
        }


def _carry_out(work: Work[PreparedUpdates], scope: Scope) -> Result:
    try:
        before, after = _new_attributes(work, scope)
        changed = scope.records.change(
            schema_id=work.prepared.schema_id,
            customer_id=_customer(work),
            attributes=after,
            cause=work.firing_id,
            depth=work.event.depth + 1,
        )
    except ActionFailed as error:
        return Result.failed(str(error))
    except ValidationFailed as error:
        return Result.failed(error.message)
    facts = {name: {"before": before.get(name), "after": after.get(name)} for name in changed}
    return Result(Outcome.SUCCEEDED, {"schemaId": work.prepared.schema_id, "changed": facts})


def _new_attributes(work: Work[PreparedUpdates], scope: Scope) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """The record's attributes before and after; a later update of the same trigger sees the earlier ones."""
    schema = scope.records.schema(work.prepared.schema_id)
    if schema is None:
        raise ActionFailed(f"schema {work.prepared.schema_id} is gone; choose another one in the trigger.")
    before = scope.records.attributes(work.prepared.schema_id, _customer(work))
    if before is None:
        raise ActionFailed(f"customer {_customer(work)} has no record in schema {work.prepared.schema_id}.")
    context = scope.template_context(work)
    after = dict(before)
    for update in work.prepared.updates:
        field = schema.fields.get(update.field)
        if field is None:
            raise ActionFailed(f"schema {work.prepared.schema_id} has no field {update.field} any more.")
        value = _fitting(field, _evaluate(update, context, after))
        try:
            stored = check_value(field, value)
        except ValidationFailed as error:
            raise ActionFailed(f"{update.field} {error.details[0].message}") from None
        if stored is None:
            after.pop(update.field, None)
        else:
            after[update.field] = stored
    return before, after


def _evaluate(update: PreparedUpdate, context: Mapping[str, Any], attributes: Mapping[str, Any]) -> Any:
    try:
        if isinstance(update.source, Template):
            return update.source.render(context)
        result = update.source.evaluate(attributes)
    except RenderError as error:
        raise ActionFailed(f"the value of {update.field} can't be rendered for this event: {error}") from None
    except ExpressionError as error:
        raise ActionFailed(f"the expression of {update.field} can't be evaluated: {error}") from None
    if isinstance(result, Decimal):
        return int(result) if result == result.to_integral_value() else float(result)
    return result


def _fitting(field: Field, value: Any) -> Any:
    """A date field takes the day of a moment, so that `{{event.timestamp}}` can be stored as a date."""
    moment = parse_moment(value) if field.data_type == "date" and isinstance(value, str) else None
    return moment.date().isoformat() if moment else value


def _check_update(update: Mapping[str, Any], schema: SchemaFacts) -> None:
    try:
        field = schema.field(update["field"])
    except ValidationFailed as error:
        raise ValidationFailed.at("field", error.details[0].message) from None
    try:
        source = _source(update)
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


def _source(update: Mapping[str, Any]) -> Template | Expression:
    if "expression" in update:
        return parse_expression(update["expression"])
    return parse_template(update["value"], roots=TEMPLATE_ROOTS)


def _customer(work: Work[PreparedUpdates]) -> str:
    """The engine hands over no work without a customer, since `needs_customer` is set."""
    assert work.event.customer_id is not None
    return work.event.customer_id
