"""The one plain sentence that says what a trigger does, for saved triggers and for drafts of any kind."""

from typing import Any

from kaireon import conditions
from kaireon.conditions.description import describe
from triggers.definition import priority_band
from triggers.models import Trigger
from triggers.studio.action_forms.base import Names
from triggers.studio.action_forms.registry import action_forms
from triggers.studio.wording import cooldown_in_words


def sentence_of(trigger: Trigger, *, names: Names | None = None) -> str:
    """`When outcome.recorded arrives and metadata.amount is over 500: run Cross-sell …, once per 24 hours per customer.
    High priority (75).`

    Takes an unsaved trigger too, and one that is only half filled in: what is missing is said in general words. Names
    of targets that are not among `names` are looked up.
    """
    when = f"When {trigger.event_type or 'an event'} arrives{_condition(trigger.condition)}"
    how_often = f", at most {_lower(cooldown_in_words(trigger.cooldown_ms))}" if trigger.cooldown_ms else ""
    return f"{when}: {_action(trigger, names or {})}{how_often}. {_priority(trigger.priority)}".rstrip()


def _condition(condition: Any) -> str:
    try:
        parsed = conditions.parse(condition)
    except conditions.ConditionError:
        return " and the condition is met"
    return "" if isinstance(parsed, conditions.Always) else f" and {describe(parsed)}"


def _action(trigger: Trigger, names: Names) -> str:
    form = action_forms().get(trigger.action_type)
    return form.phrase(trigger.action_config, names) if form else "do something"


def _priority(priority: int | None) -> str:
    if priority is None:
        return ""
    band = priority_band(priority)
    return f"{band} priority ({priority})." if band != "None" else f"Priority {priority}, after all others."


def _lower(text: str) -> str:
    return f"{text[:1].lower()}{text[1:]}"
