"""JSON values: which kinds there are, and when two of them are equal."""

from typing import Any, TypeGuard


def is_number(value: object) -> TypeGuard[int | float]:
    """A JSON number. Python's booleans are integers, JSON's are not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def kind(value: object) -> str:
    """What a value is, with its article, for messages: `a number`, `text`, `null`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if is_number(value):
        return "a number"
    if isinstance(value, str):
        return "text"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, dict):
        return "an object"
    return "not JSON"


def json_equal(left: Any, right: Any) -> bool:
    """Equality as JSON, at every depth: 1 = 1.0, "1" is not 1, true is not 1, [true] is not [1].

    Integers and floats are compared exactly, without rounding either. It recurses as deep as the shallower of the two;
    a condition's values are at most `grammar.MAX_VALUE_DEPTH` deep, so any document is safe against one.
    """
    if is_number(left):
        return is_number(right) and left == right
    if isinstance(left, str):
        return isinstance(right, str) and left == right
    if isinstance(left, list):
        return isinstance(right, list) and len(left) == len(right) and all(map(json_equal, left, right))
    if isinstance(left, dict):
        return (
            isinstance(right, dict)
            and left.keys() == right.keys()
            and all(json_equal(value, right[key]) for key, value in left.items())
        )
    # What is left of JSON are true, false and null, each a single object.
    return left is right
