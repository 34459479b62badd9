"""The semantics once more, written as plainly as can be: slow, on raw JSON, sharing no code with the package."""

from fractions import Fraction
from typing import Any

from tests.conditions.strategies import INSTANTS


def holds(condition: dict[str, Any], document: Any) -> bool:
    if "all" in condition or "any" in condition:
        every = [holds(member, document) for member in condition.get("all", [])]
        some = [holds(member, document) for member in condition.get("any", [])]
        return False not in every and ("any" not in condition or True in some)
    if not condition:
        return True
    actual = document
    for key in condition["field"].split("."):
        actual = _member(actual, key)
    return _test(condition["operator"], actual, condition.get("value", True))


def _member(value: Any, key: str) -> Any:
    if isinstance(value, dict):
        return value.get(key)
    if isinstance(value, list) and key in [str(index) for index in range(len(value))]:
        return value[int(key)]
    return None


def _test(operator: str, actual: Any, expected: Any) -> bool:
    if operator == "exists":
        return bool((actual is not None) == expected)
    if operator == "eq":
        return bool(_canonical(actual) == _canonical(expected))
    if operator == "neq":
        return bool(_canonical(actual) != _canonical(expected))
    if operator == "in":
        return _canonical(actual) in [_canonical(member) for member in expected]
    left, right = _canonical(actual), _canonical(expected)
    if left[0] != right[0] or left[0] not in ("number", "text"):
        return False
    if actual in INSTANTS and expected in INSTANTS:
        left, right = INSTANTS[actual], INSTANTS[expected]
    elif left[0] == "text":
        left, right = [ord(c) for c in actual], [ord(c) for c in expected]
    return bool({"gt": left > right, "gte": left >= right, "lt": left < right, "lte": left <= right}[operator])


def _canonical(value: Any) -> Any:
    """Two values are equal as JSON if and only if Python calls these equal."""
    if value is None:
        return ("null",)
    if isinstance(value, bool):
        return ("boolean", value)
    if isinstance(value, (int, float)):
        return ("number", Fraction(value))
    if isinstance(value, str):
        return ("text", value)
    if isinstance(value, list):
        return ("list", [_canonical(item) for item in value])
    return ("object", {key: _canonical(item) for key, item in value.items()})
