"""Conditions in templates: to be read as a tree, and to be built."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import template
from django.forms import BoundField, ValidationError

from kaireon import conditions
from kaireon.conditions.description import operator_in_words, value_in_words

register = template.Library()

_RAILS = 4


@dataclass(frozen=True, slots=True)
class ShownLeaf:
    """A leaf in words; `name` is the operator as the API has it."""

    field: str
    words: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class ShownList:
    """The members of a group that `joined` joins: `and`, `or`."""

    title: str
    joined: str
    members: "Sequence[ShownGroup | ShownLeaf]"


@dataclass(frozen=True, slots=True)
class ShownGroup:
    """A group; `rail` is the colour of its rail, 1 to 4."""

    rail: int
    lists: Sequence[ShownList]


@register.simple_tag
def condition_tree(raw: Any) -> ShownGroup | ShownLeaf | None:
    """A stored condition to be shown by studio/components/condition.html; None for the one that is always true.

    Raises ConditionError for what is none; `is_condition` tells beforehand.
    """
    condition = conditions.parse(raw)
    return None if isinstance(condition, conditions.Always) else _shown(condition, depth=1)


def _shown(node: conditions.Node, *, depth: int) -> ShownGroup | ShownLeaf:
    if isinstance(node, conditions.Leaf):
        return ShownLeaf(node.field, operator_in_words(node), node.operator, value_in_words(node))
    lists = [
        ShownList(title, joined, [_shown(member, depth=depth + 1) for member in members])
        for title, joined, members in (("All of these", "and", node.all), ("Any of these", "or", node.any))
        if members is not None
    ]
    return ShownGroup((depth - 1) % _RAILS + 1, lists)


@register.filter
def is_condition(raw: Any) -> bool:
    """Whether it is a condition at all: a row that was changed past every check may hold anything."""
    try:
        conditions.parse(raw)
    except conditions.ConditionError:
        return False
    return True


@register.filter
def is_leaf(node: ShownGroup | ShownLeaf) -> bool:
    """Whether a node of that tree is a leaf."""
    return isinstance(node, ShownLeaf)


@register.simple_tag
def condition_problems(field: BoundField) -> str:
    """The problems that the server found in a condition, as the builder takes them: paths within the condition.

    BodyForm.show has put the whole path into the code, and the path's rest before the message. `text` is how the form
    shows the problem; the builder puts its own in the place of it.
    """
    found = []
    for error in field.errors.as_data():
        path = _within(field.name, error)
        if path is not None:
            text = str(error.message)
            message = text[len(path) :].lstrip() if path and text.lower().startswith(f"{path.lower()} ") else text
            found.append({"path": path, "message": f"{message[:1].upper()}{message[1:]}", "text": text})
    return json.dumps(found)


def _within(name: str, error: ValidationError) -> str | None:
    """The path inside of the field `name`; None where the problem is not one of the condition."""
    code = error.code or ""
    return code[len(name) :].lstrip(".") if code == name or code.startswith((f"{name}.", f"{name}[")) else None
