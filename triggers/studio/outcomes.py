"""What came of a firing, in words: which attributes changed, who was enrolled where, what was recommended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from triggers.models import Firing, Outcome


@dataclass(frozen=True, slots=True)
class Change:
    """An attribute of the customer's record, before and after; None: it was, or is, not there."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """`text` is a sentence, `error` another one that says what went wrong."""

    text: str
    error: str = ""
    changes: Sequence[Change] = ()


def effect_of(firing: Firing) -> Effect:
    """What `firing` did. Knows the details of each type of action, and says of any other only how it ended."""
    if firing.outcome == Outcome.FAILED:
        return Effect(text="The action failed.", error=sentence(firing.error))
    detail: Mapping[str, Any] = firing.detail
    match firing.action_type:
        case "update_attribute":
            return _changed(detail)
        case "enroll_journey":
            if firing.outcome == Outcome.SKIPPED:
                return Effect(text="Nothing to do: the customer is in the journey already.")
            return Effect(text="Enrolled the customer in a journey.")
        case "fire_recommend":
            return _recommended(firing, detail)
        case "webhook":
            return Effect(text="Handed a request to delivery.")
        case _:
            return Effect(text=f"{firing.get_outcome_display()}.")


def _changed(detail: Mapping[str, Any]) -> Effect:
    changes = changes_in(detail.get("changed", {}))
    if not changes:
        return Effect(text="Nothing to do: the attributes had these values already.")
    number = len(changes)
    return Effect(text=f"Changed {number} attribute{'' if number == 1 else 's'} of the customer.", changes=changes)


def _recommended(firing: Firing, detail: Mapping[str, Any]) -> Effect:
    decisions = detail.get("decisions", [])
    if not decisions:
        return Effect(text=sentence(firing.error) or "Nothing could be recommended.")
    offers = ", ".join(str(one["offerId"]) for one in decisions)
    is_sent = bool(detail.get("deliveryIds") or detail.get("messageIds"))
    return Effect(text=f"Recommended {offers}{' and told the customer' if is_sent else ''}.")


def changes_in(changed: Mapping[str, Mapping[str, Any]]) -> list[Change]:
    """`{name: {before, after}}`, as firings keep it."""
    return [Change(name, one.get("before"), one.get("after")) for name, one in changed.items()]


def sentence(text: str) -> str:
    """With a capital and a full stop. A field's name or an id at its beginning stays as it is spelt."""
    text = text.strip()
    if not text:
        return ""
    first = text.split(" ", 1)[0]
    is_name = any(mark in first for mark in "._:") or any(letter.isupper() for letter in first)
    return f"{text if is_name else text[:1].upper() + text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}"
