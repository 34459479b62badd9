"""Pausing, resuming, disabling or deleting many triggers: those that were ticked, or all that fit the filters.

A request handles a bounded number of them, each by the function that the API calls, in a transaction of its own; a
page that says how far it has come asks for the next ones. Whatever happens on the way, what was done is done and told.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from kaireon.accounts.roles import Ability
from kaireon.core.errors import ApiError, NotFound, ValidationFailed
from kaireon.studio.bulk import Selection
from kaireon.studio.pages import NO_ABILITY, Crumb
from kaireon.studio.wording import count
from triggers.lifecycle import ALLOWED_TRANSITIONS, check_transition, delete_trigger
from triggers.models import Status, Trigger
from triggers.studio.switching import SECTION, set_status
from triggers.studio.trigger_list import TriggerListFilters

AT_ONCE = 200
"""Triggers a request: about a second's work."""
NAMED = 5
MOST_PROBLEMS_TOLD = 20
NOTHING_TICKED = "Tick at least one trigger in the list first. What was ticked may have been deleted meanwhile."


@dataclass(frozen=True, slots=True)
class Step:
    """Something that can be done to many. `status` is the one that it leads to; none for deleting."""

    verb: str
    done: str
    status: Status | None
    ability: Ability
    meaning: str


STEPS: Mapping[str, Step] = {
    "pause": Step(
        "Pause", "paused", Status.PAUSED, Ability.WRITE, "Paused triggers do not act, and what they have queued waits."
    ),
    "resume": Step(
        "Resume", "resumed", Status.ACTIVE, Ability.WRITE, "They act on every event that comes from then on."
    ),
    "disable": Step(
        "Disable", "disabled", Status.DISABLED, Ability.WRITE,
        "Disabled triggers do not act, and what they have queued is cancelled.",
    ),
    "delete": Step(
        "Delete", "deleted", None, Ability.DELETE,
        "They stop acting at once, and what they have queued is cancelled. Their firings and their history stay.",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a step would do to a selection, by the rules of statuses. `names` are the first of those that it changes.

    `stamp` tells the selection from any other one, so that nothing is done to more than was asked about.
    """

    changes: int
    stays: int
    refused: int
    names: Sequence[str]
    notes: Sequence[str]
    stamp: str

    @property
    def unnamed(self) -> int:
        """How many more there are than those that are named."""
        return self.changes - len(self.names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a step has come. It travels through the page, since nothing but the page needs it."""

    after: str = ""
    total: int = 0
    done: int = 0
    stayed: int = 0
    problems: Sequence[str] = ()
    unsaid: int = 0

    @property
    def refused(self) -> int:
        """How many could not be done."""
        return len(self.problems) + self.unsaid

    @property
    def handled(self) -> int:
        """All that were looked at so far."""
        return self.done + self.stayed + self.refused

    def fields(self) -> Sequence[tuple[str, str]]:
        """What the page sends along."""
        numbers = ("total", "done", "stayed", "unsaid")
        return [
            ("after", self.after),
            *((name, str(getattr(self, name))) for name in numbers),
            *(("problem", problem) for problem in self.problems),
        ]

    def refusing(self, problem: str) -> "Progress":
        """One more that could not be done."""
        if len(self.problems) < MOST_PROBLEMS_TOLD:
            return replace(self, problems=(*self.problems, problem))
        return replace(self, unsaid=self.unsaid + 1)


class BulkTriggers(Selection[Trigger]):
    """`?action=pause` with what is selected."""

    section = SECTION
    template_name = "studio/triggers/bulk.html"
    filters = TriggerListFilters
    list_route = "studio-triggers"
    own_parameters = ("id", "which", "action")
    abilities: ClassVar[Mapping[str, Ability]] = {"GET": Ability.WRITE}

    def rows(self) -> QuerySet[Trigger]:
        return Trigger.objects.all()

    def crumbs(self) -> list[Crumb]:
        return [Crumb("Triggers", self.back_url())]

    def page_title(self) -> str:
        step = STEPS.get(self.request.GET.get("action", ""))
        return f"{step.verb} triggers" if step else "Change triggers"

    @property
    def step(self) -> Step:
        """Raises ValidationFailed for none that there is, and PermissionDenied for one that the role may not take."""
        step = STEPS.get(self.request.GET.get("action", ""))
        if step is None:
            raise ValidationFailed("Say what to do: pause, resume, disable or delete.")
        if not self.may(step.ability):
            raise PermissionDenied(NO_ABILITY)
        return step

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if "action" not in request.GET:
            return self._nothing("Choose in the list what to do with which triggers.")
        return self._ask()

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        step, progress = self.step, _read_progress(request)
        if not progress.after:
            plan = self._plan(step)
            if plan is None or plan.stamp != request.POST.get("stamp"):
                return self._ask(has_changed=True)
            progress = replace(progress, total=plan.changes + plan.stays + plan.refused)
        batch = list(self.selected().filter(pk__gt=progress.after).order_by("pk")[: AT_ONCE + 1])
        for trigger in batch[:AT_ONCE]:
            progress = _take(step, trigger, progress)
        is_over = len(batch) <= AT_ONCE
        if is_over and not progress.refused:
            return self.done(_told(step, progress), self.back_url())
        return self.render({"step": step, "progress": progress, "back_url": self.back_url(), "is_over": is_over})

    def _ask(self, *, has_changed: bool = False) -> HttpResponse:
        step = self.step
        plan = self._plan(step)
        if plan is None:
            return self._nothing(NOTHING_TICKED)
        context = {"step": step, "plan": plan, "back_url": self.back_url(), "has_changed": has_changed}
        return self.render(context, status=409 if has_changed else 200)

    def _nothing(self, text: str) -> HttpResponse:
        return self.render({"text": text, "back_url": self.back_url()}, template="studio/nothing.html")

    def _plan(self, step: Step) -> Plan | None:
        """None where nothing is selected."""
        selected = list(self.selected().order_by("pk").values_list("pk", "name", "status"))
        if not selected:
            return None
        before = Counter(status for _, _, status in selected)
        reaching = {status for status in before if _is_change(step, status)}
        refused = {status: number for status, number in before.items() if not _is_allowed(step, status)}
        stays = before[step.status] if step.status else 0
        changed = [name for _, name, status in selected if status in reaching]
        return Plan(
            changes=len(changed),
            stays=stays,
            refused=sum(refused.values()),
            names=changed[:NAMED],
            notes=[*_note_of_stays(step, stays), *(_note_of_refusal(*one) for one in sorted(refused.items()))],
            stamp=hashlib.sha256("\n".join(pk for pk, _, _ in selected).encode()).hexdigest()[:32],
        )


def _is_allowed(step: Step, status: str) -> bool:
    return step.status is None or step.status == status or step.status in ALLOWED_TRANSITIONS[status]


def _is_change(step: Step, status: str) -> bool:
    return step.status != status and _is_allowed(step, status)


def _note_of_stays(step: Step, number: int) -> Sequence[str]:
    if not number:
        return ()
    return (f"{_are(number)} {step.status} already, and {'stays' if number == 1 else 'stay'} so.",)


def _note_of_refusal(status: str, number: int) -> str:
    allowed = " or ".join(sorted(ALLOWED_TRANSITIONS[status]))
    return f"{_are(number)} {status}, and can only become {allowed}: {'it stays' if number == 1 else 'they stay'} so."


def _are(number: int) -> str:
    return f"{count(number)} {'is' if number == 1 else 'are'}"


def _take(step: Step, trigger: Trigger, progress: Progress) -> Progress:
    progress = replace(progress, after=trigger.pk)
    try:
        if step.status is None:
            delete_trigger(trigger_id=trigger.pk)
        elif trigger.status == step.status:
            return replace(progress, stayed=progress.stayed + 1)
        else:
            check_transition(trigger.status, step.status)
            set_status(trigger.pk, step.status)
    except NotFound:
        return progress.refusing(f"{trigger.name}: deleted meanwhile.")
    except ApiError as error:
        return progress.refusing(f"{trigger.name}: {error.message}")
    return replace(progress, done=progress.done + 1)


def _told(step: Step, progress: Progress) -> str:
    number = progress.done
    said = f"{count(number) if number else 'No'} trigger{' was' if number == 1 else 's were'} {step.done}."
    if progress.stayed:
        said += f" {_are(progress.stayed)} {step.status} already."
    return said


def _read_progress(request: HttpRequest) -> Progress:
    """What the page has sent along, if it is the page of a step that is under way."""
    if not request.POST.get("after"):
        return Progress()
    numbers = {name: request.POST.get(name, "") for name in ("total", "done", "stayed", "unsaid")}
    return Progress(
        after=request.POST["after"],
        problems=tuple(request.POST.getlist("problem")[:MOST_PROBLEMS_TOLD]),
        **{name: int(text) if text.isdecimal() and len(text) < 10 else 0 for name, text in numbers.items()},
    )
