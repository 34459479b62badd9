"""The page that answers why a trigger did not fire for a customer."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from kaireon import conditions
from kaireon.core import clock
from kaireon.core.errors import NotFound
from kaireon.events.publish import NewEvent
from kaireon.studio.pages import Crumb, StudioPage
from triggers.engine.dry_run import try_out
from triggers.models import Trigger
from triggers.studio.outcomes import sentence
from triggers.studio.why_not import Answer, answer_why_not

TRIGGERS_SUGGESTED = 200


class WhyNotPage(StudioPage):
    """`?trigger=…` chooses the trigger; `&try=1` also tries it out on the newest event, which changes nothing."""

    section = "Customers"
    template_name = "studio/why/why_not.html"

    def get(self, request: HttpRequest, customer_id: str) -> HttpResponse:
        self.customer_id = customer_id
        trigger_id = request.GET.get("trigger", "").strip()
        if not trigger_id:
            return self.render({"customer_id": customer_id, "trigger_choices": _suggested_triggers()})
        try:
            answer = answer_why_not(trigger_id=trigger_id, customer_id=customer_id)
        except NotFound:
            problem = (
                f"There is no trigger {trigger_id!r}. It may have been deleted; the timeline shows what it decided."
            )
            return self.render({"customer_id": customer_id, "problem": problem, "trigger_id": trigger_id}, status=404)
        wants_trial = "try" in request.GET and answer.event is not None
        return self.render(
            {
                "customer_id": customer_id,
                "answer": answer,
                "trigger_id": trigger_id,
                "trial": _trial(answer) if wants_trial else None,
            }
        )

    def page_title(self) -> str:
        return "Why not?"

    def crumbs(self) -> list[Crumb]:
        return [
            Crumb("Customers", reverse("studio-customers")),
            Crumb(self.customer_id, reverse("studio-customer", args=[self.customer_id])),
        ]


def _suggested_triggers() -> list[tuple[str, str]]:
    """Those of the highest priority; the field takes any other id as well."""
    return list(Trigger.objects.order_by("-priority", "id").values_list("pk", "name")[:TRIGGERS_SUGGESTED])


def _trial(answer: Answer) -> dict[str, Any]:
    """What the trigger would do now with an event like the newest one."""
    assert answer.event is not None
    event = answer.event
    run = try_out(
        answer.trigger,
        # Without the event's id: its own firing, if it has one, would else not count against it.
        NewEvent(
            event_type=event.event_type,
            customer_id=event.customer_id,
            properties=event.properties,
            source="test",
            occurred_at=event.occurred_at,
        ),
        now=clock.now(),
    )
    leaves = [
        {"field": leaf.field, "passed": leaf.passed, "reason": sentence(leaf.reason)} for leaf in run.explanation.leaves
    ]
    return {
        "would_fire": run.would_fire,
        "decision": run.decision,
        "reason": sentence(run.reason),
        "leaves": leaves,
        "until": run.cooldown_until,
        "action": run.action,
        "is_always": isinstance(conditions.parse(answer.trigger.condition), conditions.Always),
    }
