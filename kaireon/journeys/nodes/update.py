"""`update`: changes attributes of the customer's record, as the action update_attribute does."""

from collections.abc import Mapping, Sequence
from typing import Any

from kaireon.core.clock import iso
from kaireon.core.errors import NotFound, ValidationFailed
from kaireon.customers.schema_facts import find_facts
from kaireon.customers.updates import (
    PreparedUpdates,
    UpdateFailed,
    UpdatesConfig,
    check_updates,
    new_attributes,
    prepare_updates,
)
from kaireon.journeys.nodes.base import TEMPLATE_ROOTS, NodeType, Scope, Seen, Step, Walk


class Update(NodeType[PreparedUpdates]):
    """Rows are locked while values are worked out; each change publishes customer.updated."""

    node_type = "update"
    label = "Update attributes"
    config = UpdatesConfig

    def check(self, config: Mapping[str, Any]) -> dict[str, Any]:
        return check_updates(config, roots=TEMPLATE_ROOTS)

    def prepare(self, config: Mapping[str, Any]) -> PreparedUpdates:
        return prepare_updates(config, roots=TEMPLATE_ROOTS)

    def reads_customer(self, prepared: PreparedUpdates) -> bool:
        return True

    def run(self, steps: Sequence[Step[PreparedUpdates]], scope: Scope) -> list[bool | None]:
        for schema_id in sorted({step.prepared.schema_id for step in steps}):
            customer_ids = {step.traveller.customer_id for step in steps if step.prepared.schema_id == schema_id}
            scope.records.load(schema_id, customer_ids, lock=True)
        for step in steps:
            try:
                changed = _change(step, scope)
            except (UpdateFailed, ValidationFailed, NotFound) as error:
                step.traveller.note("failed", at=scope.now, reason=str(error))
            else:
                step.traveller.note("updated", at=scope.now, changed=changed)
        scope.records.flush()
        return [None] * len(steps)

    def look(self, prepared: PreparedUpdates, walk: Walk) -> Seen:
        names = ", ".join(update.field for update in prepared.updates)
        schema = find_facts(prepared.schema_id)
        if schema is None:
            return Seen(f"would fail: schema {prepared.schema_id} is gone")
        if prepared.schema_id != walk.default_schema_id:
            return Seen(f"would update {names} in {prepared.schema_id}")
        context = {**walk.document(), "journey": {}, "enrollment": {}}
        try:
            walk.attributes = new_attributes(prepared.updates, schema=schema, before=walk.attributes, context=context)
        except UpdateFailed as error:
            return Seen(f"would fail: {error}")
        return Seen(f"would update {names}")


def _change(step: Step[PreparedUpdates], scope: Scope) -> list[str]:
    """The names of the attributes that differ afterwards."""
    traveller, prepared = step.traveller, step.prepared
    schema = scope.records.schema(prepared.schema_id)
    if schema is None:
        raise UpdateFailed(f"schema {prepared.schema_id} is gone.")
    before = scope.records.attributes(prepared.schema_id, traveller.customer_id)
    if before is None:
        raise UpdateFailed(f"customer {traveller.customer_id} has no record in schema {prepared.schema_id}.")
    context = {
        **step.document(scope),
        "journey": {"id": traveller.journey_id, "name": step.journey_name},
        "enrollment": {"id": traveller.id, "startedAt": iso(traveller.started_at)},
    }
    return scope.records.change(
        schema_id=prepared.schema_id,
        customer_id=traveller.customer_id,
        attributes=new_attributes(prepared.updates, schema=schema, before=before, context=context),
        cause=traveller.id,
        depth=traveller.depth + 1,
    )
