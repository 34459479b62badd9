"""A condition in one plain phrase, for people who don't read JSON."""

from collections.abc import Sequence
from typing import Final

from kaireon.conditions.instants import instant
from kaireon.conditions.tree import Always, Condition, Leaf, Node
from kaireon.conditions.wording import render, render_members

WORDS: Final = {
    "eq": "is",
    "neq": "is not",
    "gt": "is over",
    "gte": "is at least",
    "lt": "is under",
    "lte": "is at most",
    "in": "is one of",
    "exists": "is there",
}
"""How each operator is said. Studio's builder says the same (static/kaireon/studio/condition_builder/operators.js)."""

ABSENT: Final = "is not there"
WORDS_OF_MOMENTS: Final = {"gt": "is after", "gte": "is at or after", "lt": "is before", "lte": "is at or before"}


def describe(condition: Condition) -> str:
    """`metadata.amount is over 500 and (tier is "gold" or tier is "platinum")`; `always` for `{}`.

    A phrase without a capital and a full stop, as long as the condition; each value in it is cut short.
    """
    return "always" if isinstance(condition, Always) else _phrase(condition)[0]


def describe_leaf(leaf: Leaf) -> str:
    """`metadata.amount is over 500`."""
    value = value_in_words(leaf)
    return f"{leaf.field} {operator_in_words(leaf)}{f' {value}' if value else ''}"


def operator_in_words(leaf: Leaf) -> str:
    """`is over`; of an instant `is after`."""
    if leaf.operator == "exists" and leaf.value is False:
        return ABSENT
    if isinstance(leaf.value, str) and instant(leaf.value) is not None:
        return WORDS_OF_MOMENTS.get(leaf.operator, WORDS[leaf.operator])
    return WORDS[leaf.operator]


def value_in_words(leaf: Leaf) -> str:
    """`500`, `"gold"`, `"gold", "platinum"`; empty for `exists`."""
    if leaf.operator == "exists":
        return ""
    if leaf.operator == "in":
        return render_members(leaf.value) or "nothing"
    return render(leaf.value)


def _phrase(node: Node) -> tuple[str, str]:
    """The phrase, and the word that joins its outermost parts: `and`, `or`, or none."""
    if isinstance(node, Leaf):
        return describe_leaf(node), ""
    lists = [
        _joined([_phrase(member) for member in members], word)
        for word, members in (("and", node.all), ("or", node.any))
        if members
    ]
    return _joined(lists, "and")


def _joined(parts: Sequence[tuple[str, str]], word: str) -> tuple[str, str]:
    if len(parts) == 1:
        return parts[0]
    return f" {word} ".join(text if inner in ("", word) else f"({text})" for text, inner in parts), word
