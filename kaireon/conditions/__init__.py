"""Conditions: parsed once, evaluated often without ever raising, explained leaf by leaf.

A condition is a JSON object. Triggers, segments, offers and journeys all use this package. It is pure: it imports
nothing of Django's, and does no input or output.

    condition = parse({"all": [{"field": "metadata.amount", "operator": "gt", "value": 500}]})  # or ConditionError
    passes = compile(condition)                         # once, kept
    passes({"metadata": {"amount": 750}})               # True, in well under a microsecond
    explain(condition, {"metadata": {"amount": 750}})   # the same verdict, with a reason for each leaf
    index = Index([Entry.of(condition), …])             # of thousands of conditions
    index.holding({"metadata": {"amount": 750}})        # [0, …], the positions of those that hold, in microseconds

**Shape.** `{}`, as the whole condition alone, is always true. A node is a leaf `{field, operator, value}` or a group
with `all`, `any` or both (then both must hold). A group's lists are not empty, groups are nested at most 10 deep, and a
condition has at most 200 leaves.

**Field.** A dotted path of keys; a plain number (`0`, `12`) steps into a list: `items.0.sku`. Inside an object it is a
key like any other. What can't be followed is missing, and a missing field reads as null. A key that itself contains a
dot can't be reached.

**Operators.** Each is total: it gives an answer for every value, and never raises.

* `eq`: equal as JSON. Numbers by value (1 = 1.0, exactly, however large), text exactly, true and false never equal to 1
  and 0, lists and objects by content, the same rules inside them. `neq`: not `eq`.
* `gt` `gte` `lt` `lte`: both numbers (never booleans), or both text: date-times compared as instants when both are such
  (see `kaireon.conditions.instants` for which texts are), else by code point. Anything else is false.
* `in`: some member of the list is `eq`. A list in the document is compared as a whole.
* `exists`: the field is not null; with `"value": false`, the field is null.

**Laws**, for every JSON value and each held by a property test: `neq` is not `eq`; `eq` is reflexive and symmetric; for
two values that have an order, `gte` is not `lt`, and `gte` is `gt` or `eq` (except that two spellings of one instant
are `gte` and `lte` without being `eq`, which compares text exactly); the order of a group's members changes nothing;
`parse(to_json(c)) == c`; `explain(c, d).passed == compile(c)(d)`; `why_false(c, d)` is None just where `c` holds; an
`Index` finds just the conditions that hold.
"""

from kaireon.conditions.description import describe
from kaireon.conditions.evaluation import Predicate, compile
from kaireon.conditions.explanation import Explanation, LeafResult, explain, why_false
from kaireon.conditions.grammar import MAX_DEPTH, MAX_FIELD_LENGTH, MAX_LEAVES, parse
from kaireon.conditions.index import Entry, Index
from kaireon.conditions.operators import OPERATORS, Operator
from kaireon.conditions.paths import lookup
from kaireon.conditions.problems import ConditionError, Problem
from kaireon.conditions.tree import Always, Condition, Group, Leaf, Node, fields_read, to_json

__all__ = [
    "MAX_DEPTH",
    "MAX_FIELD_LENGTH",
    "MAX_LEAVES",
    "OPERATORS",
    "Always",
    "Condition",
    "ConditionError",
    "Entry",
    "Explanation",
    "Group",
    "Index",
    "Leaf",
    "LeafResult",
    "Node",
    "Operator",
    "Predicate",
    "Problem",
    "compile",
    "describe",
    "explain",
    "fields_read",
    "lookup",
    "parse",
    "to_json",
    "why_false",
]
