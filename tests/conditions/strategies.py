"""What the property tests draw: JSON values that collide often, documents, and conditions that parse.

The pools are small on purpose. Values that are nearly equal (1, 1.0, true, "1"), keys that look like numbers and
instants in two spellings must meet each other in a few hundred draws.
"""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

law = settings(max_examples=100, deadline=None)
"""For properties of two or three values, where each draw is cheap."""

search = settings(max_examples=120, deadline=None)
"""For properties of whole conditions and documents, where the space is large."""

KEYS = ["a", "b", "0", "1", "customer", ""]
INSTANTS = {
    "2026-03-10T14:30:00Z": 0,
    "2026-03-10T15:30:00+01:00": 0,
    "2026-03-10T14:30:00.000001Z": 1,
    "2026-03-10T13:00Z": -5_400_000_000,
    "2026-03-10T13:00:01Z": -5_399_000_000,
}
"""Texts that name an instant, with its microseconds from the first: their order as text is another one."""

# 2**53 + 1 is no float; 10**400 is larger than every float.
numbers = st.sampled_from([0, 0.0, -0.0, 1, 1.0, -1, 2, 500, 0.5, 2**53, 2**53 + 1, 2.0**53, 10**400]) | st.integers()
numbers |= st.floats(allow_nan=False, allow_infinity=False)
texts = st.sampled_from(["", "1", "true", "null", "gold", "Gold", "ö", "😀", "2026-03-10", "2026-03-10T14:30:00"])
texts |= st.sampled_from(list(INSTANTS)) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5
)
scalars = st.none() | st.booleans() | numbers | texts
json_values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=6,
)
"""Any value that a condition may give."""

hostile_values: st.SearchStrategy[Any] = st.recursive(
    scalars | st.floats() | st.text(max_size=3) | st.sampled_from(["\0", "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)
"""Also what JSON can't hold: NaN, infinity, half a surrogate pair."""

documents: st.SearchStrategy[dict[str, Any]] = st.dictionaries(st.sampled_from(KEYS), json_values, max_size=4)
fields = st.lists(st.sampled_from([key for key in KEYS if key]), min_size=1, max_size=5).map(".".join)


def leaves_with(operators: st.SearchStrategy[str], values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"field": fields, "operator": operators, "value": values})


leaves: st.SearchStrategy[dict[str, Any]] = (
    leaves_with(st.sampled_from(["eq", "neq"]), json_values)
    | leaves_with(st.sampled_from(["gt", "gte", "lt", "lte"]), numbers | texts)
    | leaves_with(st.just("in"), st.lists(json_values, max_size=4))
    | leaves_with(st.just("exists"), st.booleans())
    | st.fixed_dictionaries({"field": fields, "operator": st.just("exists")})
)


def groups_of(nodes: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    members = st.lists(nodes, min_size=1, max_size=3)
    return (
        st.fixed_dictionaries({"all": members})
        | st.fixed_dictionaries({"any": members})
        | st.fixed_dictionaries({"all": members, "any": members})
    )


groups = groups_of(leaves)
# Three layers at most: recursive() could go deeper than a condition may.
nodes = leaves | groups | groups_of(leaves | groups) | groups_of(leaves | groups_of(leaves | groups))
conditions: st.SearchStrategy[dict[str, Any]] = nodes | st.just({})
"""JSON of conditions that `parse` accepts."""
