"""How Studio says what a trigger is made of: in words, the same in the list, on the form and in its sentence."""

from kaireon.studio.wording import duration
from triggers.actions.registry import actions
from triggers.studio.action_forms.registry import action_forms

_ANY_ACTION = "zap"


def cooldown_in_words(cooldown_ms: int) -> str:
    """`Once per 24 hours per customer`, `Every time` without a cooldown."""
    if cooldown_ms == 0:
        return "Every time"
    return f"Once per {_period(cooldown_ms)} per customer"


def _period(ms: int) -> str:
    """`1 hour` is `hour` behind `per`; any other length keeps its number."""
    words = duration(ms)
    return words.removeprefix("1 ") if words.count(" ") == 1 else words


def action_label(action_type: str) -> str:
    """What a type of action is called; its name, where the type is known no more."""
    action = actions().get(action_type)
    return action.label if action else action_type


def action_icon(action_type: str) -> str:
    """The name of the icon of a type of action."""
    form = action_forms().get(action_type)
    return form.icon if form else _ANY_ACTION
