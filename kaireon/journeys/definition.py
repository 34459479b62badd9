"""A journey as callers write it: every rule that a saved journey obeys."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from kaireon.core.errors import Detail, ValidationFailed, join_path
from kaireon.core.rest import Choice, Flag, IdText, JSONObjectField, StrictSerializer, Text, Whole, validated
from kaireon.core.rest.exceptions import flatten
from kaireon.journeys import graph
from kaireon.journeys.models import Journey, JourneyStatus
from kaireon.journeys.nodes import NODE_TYPES

MAX_NODES = 100
MAX_EDGES = 200
MAX_DEFINITION_BYTES = 512 * 1024
MAX_DAYS = 365
_DEPTH_OF_A_CONDITION = 64


class Members(serializers.ListField):
    """A JSON array of at most `max_length` members, counted before any of them is looked at."""

    default_error_messages = {
        "required": "is required.",
        "null": "must not be null.",
        "not_a_list": "must be a list.",
        "count": "must have at most {max_length} members, not {length}.",
    }

    def to_internal_value(self, data: Any) -> list[Any]:
        if isinstance(data, list) and len(data) > (self.max_length or 0):
            self.fail("count", max_length=self.max_length, length=len(data))
        found: list[Any] = super().to_internal_value(data)
        return found


class NodeBody(StrictSerializer):
    """A node. What its config holds depends on its type."""

    id = IdText()
    type = Choice(list(NODE_TYPES))
    config = JSONObjectField(default=dict, max_depth=_DEPTH_OF_A_CONDITION)

    def validate_id(self, value: str) -> str:
        """Short enough for the enrolments' rows."""
        if len(value) > 64:
            raise serializers.ValidationError("must have at most 64 characters.")
        return value


class EdgeBody(StrictSerializer):
    """A way from one node to another."""

    to = IdText()
    when = Flag(required=False, help_text="Behind a condition_split: the answer for which this is the way.")

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of Python's."""
        return {"from": IdText(), **super().get_fields()}


class GraphBody(StrictSerializer):
    """The graph; nodes may stand in any order."""

    nodes = Members(child=NodeBody(), max_length=MAX_NODES, default=list)
    edges = Members(child=EdgeBody(), max_length=MAX_EDGES, default=list)


@extend_schema_field(GraphBody)
class DefinitionField(JSONObjectField):
    """A graph that obeys all rules, or none at all (`{}`)."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_bytes=MAX_DEFINITION_BYTES, max_depth=_DEPTH_OF_A_CONDITION + 8, **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        value = super().to_internal_value(data)
        try:
            return check_definition(value)
        except ValidationFailed as error:
            problems = error.details
        nested: dict[str, list[str]] = {}
        for detail in problems:
            nested.setdefault(detail.field or "non_field_errors", []).append(detail.message)
        raise serializers.ValidationError(nested)


class JourneyBody(StrictSerializer):
    """The body of POST, PUT and PATCH, and the answer."""

    id = IdText(required=False)
    name = Text(max_length=255)
    description = Text(allow_blank=True, default="", max_length=2000)
    status = Choice(JourneyStatus.values, default=JourneyStatus.DRAFT)
    maxDurationDays = Whole(source="max_duration_days", min_value=1, max_value=MAX_DAYS, default=30)
    definition = DefinitionField(default=dict)
    version = Whole(
        required=False, help_text="On a change: refused with 409 if the journey has another version by now."
    )
    createdAt = serializers.DateTimeField(source="created_at", read_only=True)
    updatedAt = serializers.DateTimeField(source="updated_at", read_only=True)


def read_journey(body: Any, *, existing: Journey | None = None) -> dict[str, Any]:
    """The checked model values in `body`; for a change of `existing`, only those that were given.

    Raises DRF's ValidationError with every problem, and ValidationFailed where a journey becomes active whose stored
    definition refers to something that is gone by now.
    """
    values = validated(JourneyBody, body, partial=existing is not None)
    becomes_active = values.get("status") == JourneyStatus.ACTIVE
    if existing is not None and becomes_active and existing.status != values["status"] and "definition" not in values:
        check_stored(existing.definition)
    return values


def check_stored(definition: Mapping[str, Any]) -> None:
    """Raises ValidationFailed, with paths below `definition`, where a stored definition is not valid any more."""
    try:
        check_definition(definition)
    except ValidationFailed as error:
        raise error.under("definition") from None


def check_definition(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The definition as it is stored; `{}` where it is empty. Raises ValidationFailed with paths into it."""
    try:
        values = validated(GraphBody, definition)
    except serializers.ValidationError as error:
        raise ValidationFailed.of(flatten(error.detail)) from None
    nodes, edges = values["nodes"], values["edges"]
    if not nodes and not edges:
        return {}
    problems: list[Detail] = []
    stored = []
    for index, node in enumerate(nodes):
        try:
            config = NODE_TYPES[node["type"]].check(node["config"])
            stored.append({"id": node["id"], "type": node["type"], "config": config})
        except ValidationFailed as error:
            problems += error.under(f"nodes[{index}].config").details
        except serializers.ValidationError as error:
            prefix = f"nodes[{index}].config"
            problems += [Detail(join_path(prefix, detail.field), detail.message) for detail in flatten(error.detail)]
    problems += graph.problems(
        [graph.Node(node["id"], node["type"]) for node in nodes],
        [graph.Edge(edge["from"], edge["to"], edge.get("when")) for edge in edges],
    )
    if problems:
        raise ValidationFailed.of(problems)
    return {"nodes": stored, "edges": [dict(edge) for edge in edges]}
