"""`condition_split`: one way for those for whom a condition holds, another for the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kaireon import conditions
from kaireon.core.rest import JSONObjectField, StrictSerializer, validated
from kaireon.journeys.nodes.base import NodeType, Scope, Seen, Step, Walk, parsed_condition, reads_customer, why

ROOTS = ("customer", "event", "recommendation")


class SplitConfig(StrictSerializer):
    """Config of a condition_split."""

    condition = JSONObjectField(max_depth=64)


@dataclass(frozen=True, slots=True)
class Split:
    """A condition, parsed."""

    condition: conditions.Condition
    passes: conditions.Predicate


class ConditionSplit(NodeType[Split]):
    """Reads the customer's record, the enrolment's last event, and its last recommendation."""

    node_type = "condition_split"
    label = "Split"
    config = SplitConfig

    def check(self, config: Mapping[str, Any]) -> dict[str, Any]:
        values = validated(SplitConfig, config)
        return {"condition": parsed_condition(values["condition"], field_name="condition", roots=ROOTS)}

    def prepare(self, config: Mapping[str, Any]) -> Split:
        condition = conditions.parse(config["condition"])
        return Split(condition, conditions.compile(condition))

    def reads_customer(self, prepared: Split) -> bool:
        return reads_customer(prepared.condition)

    def run(self, steps: Sequence[Step[Split]], scope: Scope) -> list[bool | None]:
        answers: list[bool | None] = []
        for step in steps:
            document = step.document(scope)
            passed = step.prepared.passes(document)
            reason = {} if passed else {"reason": why(step.prepared.condition, document)}
            step.traveller.note("true" if passed else "false", at=scope.now, **reason)
            answers.append(passed)
        return answers

    def look(self, prepared: Split, walk: Walk) -> Seen:
        document = walk.document()
        if prepared.passes(document):
            return Seen("true", when=True)
        return Seen(f"false, since {why(prepared.condition, document)}", when=False)
