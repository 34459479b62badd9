"""What a condition may look like, and how JSON becomes one.

Everything that evaluation relies on is checked here: what `parse` lets through can be compiled and evaluated without an
error. The depth guards also bound the recursion, of this module and of all that walk the tree or compare its values.
"""

from math import isfinite
from typing import Any, Final

from kaireon.conditions.operators import OPERATORS, REQUIRED, Operator
from kaireon.conditions.problems import ConditionError, Problem
from kaireon.conditions.spelling import did_you_mean
from kaireon.conditions.tree import Always, Condition, Group, Leaf, Node
from kaireon.conditions.values import is_number, kind
from kaireon.conditions.wording import render, shorten

MAX_DEPTH: Final = 10
"""Groups inside groups, the outermost included. A leaf adds no depth."""
MAX_LEAVES: Final = 200
MAX_FIELD_LENGTH: Final = 200
MAX_VALUE_DEPTH: Final = 16
"""Lists and objects inside a `value`: as deep as an event's properties may be, so that nothing deeper could match."""
MAX_PROBLEMS: Final = 100
"""Where the search for more ends: a hostile document must not make an endless answer."""

_GROUP_KEYS: Final = ("all", "any")
_LEAF_KEYS: Final = ("field", "operator", "value")
# Names from other rule languages, where likeness alone would lead astray ("and" looks like "any").
_KEYS_BY_SPELLING: Final = {key: key for key in (*_GROUP_KEYS, *_LEAF_KEYS)} | {
    "and": "all",
    "or": "any",
    "op": "operator",
}
_ABSENCE: Final = 'exists with "value": false'
_EXCLUSION: Final = "all with a neq for each value"
_OPERATORS_BY_SPELLING: Final = {
    spelling: entry.name for entry in OPERATORS.values() for spelling in (entry.name, *entry.synonyms)
} | {
    "not_exists": _ABSENCE,
    "is_null": _ABSENCE,
    "missing": _ABSENCE,
    "not_in": _EXCLUSION,
    "nin": _EXCLUSION,
    "none_of": _EXCLUSION,
}
_OPERATOR_NAMES: Final = ", ".join(OPERATORS)
_SHAPES: Final = "a leaf has field, operator and value, a group has all, any or both"


def parse(raw: object) -> Condition:
    """A condition from decoded JSON.

    Raises ConditionError, and nothing else whatever it is given, with every problem found (at most 100). The result
    shares nothing with `raw`.
    """
    if isinstance(raw, dict) and not raw:
        return Always()
    parser = _Parser()
    node = parser.node(raw, path="", depth=1)
    if parser.leaf_count > MAX_LEAVES:
        parser.report("", f"A condition may have at most {MAX_LEAVES} leaves; this one has {parser.leaf_count}.")
    if parser.problems or node is None:
        raise ConditionError(parser.problems)
    return node


class _Parser:
    """One run over one document. A method that finds a fault reports it and gives None, and the run goes on."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.leaf_count = 0

    def report(self, path: str, message: str) -> None:
        self.problems.append(Problem(path, message))
        if len(self.problems) == MAX_PROBLEMS:
            raise ConditionError(self.problems)

    def node(self, raw: object, *, path: str, depth: int) -> Node | None:
        if isinstance(raw, dict) and any(key in raw for key in _GROUP_KEYS):
            return self.group(raw, path=path, depth=depth)
        # Anything that is not a group counts as a leaf, sound or not, so that the count bounds the work.
        self.leaf_count += 1
        if self.leaf_count > MAX_LEAVES:
            return None
        if not isinstance(raw, dict):
            self.report(path, f"A condition must be an object, not {kind(raw)}: {_SHAPES}.")
        elif not raw:
            self.report(path, "An empty condition may only stand alone, as the whole condition; leave it out here.")
        elif any(key in raw for key in _LEAF_KEYS):
            return self.leaf(raw, path=path)
        else:
            self.unknown_keys(raw, _LEAF_KEYS, path=path)
        return None

    def group(self, raw: dict[Any, Any], *, path: str, depth: int) -> Group | None:
        if depth > MAX_DEPTH:
            self.leaf_count += 1
            self.report(path, f"Groups may be nested at most {MAX_DEPTH} deep; bring this one further up.")
            return None
        found = len(self.problems)
        if any(key in raw for key in _LEAF_KEYS):
            self.report(path, f"A leaf and a group at once, but {_SHAPES}; move the leaf into the group's list.")
        self.unknown_keys(raw, (*_GROUP_KEYS, *_LEAF_KEYS), path=path)
        lists = {
            key: self.members(raw[key], key=key, path=_join(path, key), depth=depth)
            for key in _GROUP_KEYS
            if key in raw
        }
        return Group(**lists) if len(self.problems) == found else None

    def members(self, raw: object, *, key: str, path: str, depth: int) -> tuple[Node, ...] | None:
        if not isinstance(raw, list):
            self.report(path, f"{key} must be a list of conditions, not {kind(raw)}.")
            return None
        if not raw:
            self.report(path, f"{key} must not be empty; add a condition or leave {key} out.")
            return None
        nodes = [self.node(member, path=f"{path}[{position}]", depth=depth + 1) for position, member in enumerate(raw)]
        return tuple(node for node in nodes if node is not None)

    def leaf(self, raw: dict[Any, Any], *, path: str) -> Leaf | None:
        found = len(self.problems)
        self.unknown_keys(raw, _LEAF_KEYS, path=path)
        steps = self.field(raw, path=_join(path, "field"))
        operator = self.operator(raw, path=_join(path, "operator"))
        value = self.value(raw, operator, path=_join(path, "value"))
        if steps is None or operator is None or len(self.problems) > found:
            return None
        return Leaf(raw["field"], steps, operator.name, value)

    def field(self, raw: dict[Any, Any], *, path: str) -> tuple[str, ...] | None:
        if "field" not in raw:
            self.report(path, "A leaf needs a field: the dotted path to read, such as metadata.amount.")
            return None
        field = raw["field"]
        if not isinstance(field, str):
            self.report(path, f"field must be text, a dotted path such as metadata.amount, not {kind(field)}.")
        elif not field:
            self.report(path, "field must not be empty; give a dotted path such as metadata.amount.")
        elif len(field) > MAX_FIELD_LENGTH:
            self.report(path, f"field may have at most {MAX_FIELD_LENGTH} characters; this one has {len(field)}.")
        elif "\0" in field:
            self.report(path, "field must not contain the NUL character; remove it.")
        elif not all(field.split(".")):
            self.report(path, f"field {render(field)} has an empty step; put exactly one dot between two names.")
        else:
            return tuple(field.split("."))
        return None

    def operator(self, raw: dict[Any, Any], *, path: str) -> Operator | None:
        if "operator" not in raw:
            self.report(path, f"A leaf needs an operator: one of {_OPERATOR_NAMES}.")
            return None
        name = raw["operator"]
        if not isinstance(name, str):
            self.report(path, f"operator must be text, one of {_OPERATOR_NAMES}, not {kind(name)}.")
            return None
        if name not in OPERATORS:
            hint = did_you_mean(name, _OPERATORS_BY_SPELLING) or "."
            self.report(path, f"{render(name)} is not an operator; the operators are {_OPERATOR_NAMES}{hint}")
            return None
        return OPERATORS[name]

    def value(self, raw: dict[Any, Any], operator: Operator | None, *, path: str) -> object:
        if "value" not in raw:
            if operator is not None and operator.default is REQUIRED:
                self.report(path, f"value is missing; {operator.name} needs {operator.needs}.")
            return None if operator is None else operator.default
        value = raw["value"]
        if operator is not None and not operator.accepts(value):
            self.report(path, f"{operator.name} needs {operator.needs}, not {kind(value)}.")
            return None
        return self.json(value, path=path, depth=0)

    def json(self, value: object, *, path: str, depth: int) -> object:
        """A copy of a value, so that whoever changes the original does not change the condition."""
        if isinstance(value, str):
            if "\0" in value:
                self.report(path, "Text must not contain the NUL character; remove it.")
            return value
        if isinstance(value, float) and not isfinite(value):
            self.report(path, "A number must be finite.")
            return None
        if value is None or isinstance(value, bool) or is_number(value):
            return value
        if not isinstance(value, (list, dict)):
            self.report(path, f"A value must be JSON, not a {type(value).__name__}.")
            return None
        if depth == MAX_VALUE_DEPTH:
            self.report(path, f"Lists and objects in a value may be nested at most {MAX_VALUE_DEPTH} deep.")
            return None
        if isinstance(value, list):
            return [self.json(item, path=f"{path}[{at}]", depth=depth + 1) for at, item in enumerate(value)]
        return {
            self.key(key, path=path): self.json(item, path=_join(path, key), depth=depth + 1)
            for key, item in value.items()
        }

    def key(self, key: object, *, path: str) -> object:
        if not isinstance(key, str):
            self.report(path, f"The keys of an object must be text, not {kind(key)}.")
        elif "\0" in key:
            self.report(path, "The keys of an object must not contain the NUL character; remove it.")
        return key

    def unknown_keys(self, raw: dict[Any, Any], known: tuple[str, ...], *, path: str) -> None:
        for key in raw:
            if key not in known:
                hint = did_you_mean(key, _KEYS_BY_SPELLING)
                self.report(_join(path, key), f"{render(key)} is not known here: {_SHAPES}{hint or '.'}")


def _join(path: str, key: object) -> str:
    name = shorten(str(key))
    return f"{path}.{name}" if path else name
