"""`update_attribute`: changes attributes of the event's customer in one schema, and so publishes `customer.updated`."""

from collections.abc import Mapping, Sequence
from typing import Any

from kaireon.core.errors import ValidationFailed
from kaireon.core.templating import Template
from kaireon.customers.updates import (
    PreparedUpdates,
    UpdateFailed,
    UpdatesConfig,
    check_updates,
    new_attributes,
    prepare_updates,
)
from triggers.actions.base import TEMPLATE_ROOTS, Action, ActionFailed, Needs, Result, Scope, Work
from triggers.models import Outcome


class UpdateAttribute(Action[PreparedUpdates]):
    """Rows are locked while expressions are evaluated; updates of one trigger apply in their order."""

    action_type = "update_attribute"
    label = "Change customer attributes"
    needs_customer = True
    config = UpdatesConfig

    def check(self, config: Mapping[str, Any]) -> dict[str, Any]:
        return check_updates(config, roots=TEMPLATE_ROOTS)

    def prepare(self, config: Mapping[str, Any]) -> PreparedUpdates:
        return prepare_updates(config, roots=TEMPLATE_ROOTS)

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
    try:
        return before, new_attributes(work.prepared.updates, schema=schema, before=before, context=context)
    except UpdateFailed as error:
        raise ActionFailed(str(error)) from None


def _customer(work: Work[PreparedUpdates]) -> str:
    """The engine hands over no work without a customer, since `needs_customer` is set."""
    assert work.event.customer_id is not None
    return work.event.customer_id
