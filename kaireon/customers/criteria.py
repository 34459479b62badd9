"""A segment's criteria: a condition over `customer.…`, the attributes of one record."""

import logging
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from kaireon import conditions
from kaireon.core.errors import Detail, ValidationFailed, join_path
from kaireon.customers.numbers import read_settled, settled
from kaireon.customers.schema_facts import SchemaFacts

logger = logging.getLogger(__name__)

_ROOT = "customer."


def check_criteria(raw: object, *, facts: SchemaFacts) -> dict[str, Any]:
    """The criteria in the form in which they are stored.

    Raises ValidationFailed with each problem's path: what is no condition, and a field that is no attribute of a record
    in that schema, since nothing else is at hand when a record changes.
    """
    try:
        condition = conditions.parse(raw)
    except conditions.ConditionError as error:
        raise ValidationFailed.of([Detail(one.path, one.message) for one in error.problems]) from None
    problems = [
        Detail(join_path(path, "field"), problem)
        for path, leaf in _leaves(condition)
        if (problem := _field_problem(leaf.field, facts))
    ]
    if problems:
        raise ValidationFailed.of(problems)
    stored: dict[str, Any] | None = settled(conditions.to_json(condition))
    if stored is None:
        raise ValidationFailed.at("", "holds a number that is too large; no attribute can be compared with it.")
    return stored


@lru_cache(maxsize=1024)
def compiled(criteria: str) -> conditions.Predicate | None:
    """The criteria, as JSON text, as a function of `{"customer": attributes}`; compiled once a process.

    By the text itself, so that there is nothing that could go stale. None for what can't be compiled: only a row that
    was changed past every check, say by hand in SQL; other segments, and records, must go on.
    """
    try:
        return conditions.compile(conditions.parse(read_settled(criteria)))
    except conditions.ConditionError:
        logger.exception("A segment's criteria can't be compiled; its members stay as they are")
        return None


def _field_problem(field: str, facts: SchemaFacts) -> str:
    if not field.startswith(_ROOT):
        return f"must begin with {_ROOT}: a segment reads nothing but the customer's record."
    try:
        facts.field(field.removeprefix(_ROOT).split(".", 1)[0])
    except ValidationFailed as error:
        return f"{field}: {error.details[0].field} {error.details[0].message}"
    return ""


def _leaves(condition: conditions.Condition, path: str = "") -> Iterator[tuple[str, conditions.Leaf]]:
    if isinstance(condition, conditions.Leaf):
        yield path, condition
    elif isinstance(condition, conditions.Group):
        for key, members in (("all", condition.all), ("any", condition.any)):
            for index, member in enumerate(members or ()):
                yield from _leaves(member, join_path(path, f"{key}[{index}]"))
