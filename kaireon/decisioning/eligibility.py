"""Eligibility: a condition that is asked of a customer, and of nothing else."""

from collections.abc import Iterator
from typing import Any

from kaireon import conditions
from kaireon.core.errors import Detail, ValidationFailed, join_path


def checked_eligibility(raw: object, *, path: str = "eligibility") -> dict[str, Any]:
    """`raw` as it is stored. Raises ValidationFailed with paths below `path`: to each fault of the condition, or to
    each field that does not read the customer's record (`customer.…`)."""
    try:
        condition = conditions.to_json(conditions.parse(raw))
    except conditions.ConditionError as error:
        raise ValidationFailed.of(
            [Detail(join_path(path, problem.path), problem.message) for problem in error.problems]
        ) from None
    problems = [
        Detail(
            where, f"must begin with customer. (such as customer.tier), for it is asked of a customer; {field} is not."
        )
        for where, field in _fields(condition, path)
        if not field.startswith("customer.")
    ]
    if problems:
        raise ValidationFailed.of(problems)
    return condition


def _fields(node: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
    """The path to each leaf's field, and the field."""
    if "field" in node:
        yield join_path(path, "field"), node["field"]
    for key in ("all", "any"):
        for position, member in enumerate(node.get(key, ())):
            yield from _fields(member, join_path(path, f"{key}[{position}]"))
