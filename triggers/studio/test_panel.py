"""The test panel: what a trigger that need not be saved would do with an event, and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse

from kaireon import conditions
from kaireon.conditions.description import operator_in_words, value_in_words
from kaireon.core import clock
from kaireon.core.json_values import encode
from kaireon.events.publish import NewEvent
from triggers.engine.decisions import Verdict
from triggers.engine.dry_run import DryRun, try_out
from triggers.models import Trigger
from triggers.studio.action_forms.registry import action_forms
from triggers.studio.draft import EventForm, sent_form
from triggers.studio.drafts import read_runnable
from triggers.studio.form_page import TriggerFormPage

_RAILS = 4


@dataclass(frozen=True, slots=True)
class TruthGroup:
    """A group with its members, which `joined` joins: `and`, `or`. `rail` is the colour of its rail, 1 to 4."""

    title: str
    joined: str
    rail: int
    passed: bool
    members: Sequence["TruthGroup | TruthLeaf"]
    is_group: bool = True


@dataclass(frozen=True, slots=True)
class TruthLeaf:
    """A leaf in words, with its answer."""

    words: str
    value: str
    result: conditions.LeafResult
    is_group: bool = False

    @property
    def passed(self) -> bool:
        """Whether it holds."""
        return self.result.passed

    @property
    def found(self) -> str:
        """The value that was found, as JSON."""
        return "nothing" if self.result.actual is None else encode(self.result.actual).decode()

    @property
    def why(self) -> str:
        """Why it does not hold, where that is more than its two values say."""
        is_plain = self.result.passed or self.result.actual is None
        return "" if is_plain or self.result.operator in {"eq", "neq", "exists"} else self.result.reason


def truth_tree(condition: conditions.Condition, explanation: conditions.Explanation) -> TruthGroup | TruthLeaf | None:
    """The condition's shape with each leaf's answer; None for the condition that is always true."""
    if isinstance(condition, conditions.Always):
        return None
    return _node(condition, "", 1, {leaf.path: leaf for leaf in explanation.leaves})


def _node(
    node: conditions.Node, path: str, depth: int, leaves: Mapping[str, conditions.LeafResult]
) -> TruthGroup | TruthLeaf:
    if isinstance(node, conditions.Leaf):
        return TruthLeaf(operator_in_words(node), value_in_words(node), leaves[path])
    lists = [(word, members) for word, members in (("all", node.all), ("any", node.any)) if members]
    prefix = f"{path}." if path else ""
    inside = depth + len(lists)
    groups = [
        _group(
            word,
            inside - 1,
            [_node(member, f"{prefix}{word}[{place}]", inside, leaves) for place, member in enumerate(members)],
        )
        for word, members in lists
    ]
    return groups[0] if len(groups) == 1 else _group("all", depth, groups)


def _group(word: str, depth: int, members: Sequence[TruthGroup | TruthLeaf]) -> TruthGroup:
    answers = [member.passed for member in members]
    rail = min(depth, _RAILS)
    if word == "all":
        return TruthGroup("All of these", "and", rail, all(answers), members)
    return TruthGroup("Any of these", "or", rail, any(answers), members)


def verdict_in_words(result: DryRun, event: NewEvent) -> tuple[str, str, str]:
    """Tone, headline and explanation."""
    customer = event.customer_id or "this customer"
    match result.decision:
        case Verdict.FIRED:
            return "good", "It would fire", "Every check passed."
        case Verdict.CONDITION_FALSE:
            return "muted", "It would not fire: the condition is not met", result.reason
        case Verdict.COOLDOWN:
            return "warning", "It would not fire: cooldown", f"It fired for {customer} not long ago."
        case Verdict.MISSING_CUSTOMER:
            return "warning", "It would not fire: no customer", result.reason
        case Verdict.LOOP_STOPPED:
            return "bad", "It would not fire: stopped as a loop", result.reason
        case Verdict.ACTION_FAILED:
            return "bad", "It would fire, and the action would fail", result.reason
    return "muted", "It would not look at this event", result.reason


class TryTrigger(TriggerFormPage):
    """Runs the form's trigger with the typed event: the live path's own steps, without writing or sending.

    Answers htmx the result alone, else the whole page with it.
    """

    def post(self, request: HttpRequest) -> HttpResponse:
        form = sent_form(request)
        self.stored = form.stored
        trigger = read_runnable(form)
        event_form = EventForm(request.POST)
        event = event_form.read(event_type=trigger.event_type if trigger else str(form["event_type"].value() or ""))
        context = {"was_tested": True, "event_form": event_form, "event": event, "in_the_way": []}
        if trigger is None:
            context["in_the_way"] = form.problems()
        elif event is not None:
            context |= self._result(trigger, event)
            context["is_off"] = not form.cleaned_data.get("is_active")
        if request.headers.get("HX-Request"):
            return self.render(context, template="studio/trigger_form/test_result.html")
        return self.show_as_typed(form, **context)

    def _result(self, trigger: Trigger, event: NewEvent) -> dict[str, Any]:
        result = try_out(trigger, event, now=clock.now())
        tone, headline, explanation = verdict_in_words(result, event)
        return {
            "result": result,
            "tone": tone,
            "headline": headline,
            "explanation": explanation,
            "tree": truth_tree(conditions.parse(trigger.condition), result.explanation),
            "tested": trigger,
            "rendering_template": action_forms()[trigger.action_type].rendering_template,
        }
