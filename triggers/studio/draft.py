"""What the form shows while it is being filled in: the sentence, the problems, and the action with a real event."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse

from kaireon import conditions
from kaireon.core import clock
from kaireon.core.errors import NotFound, ValidationFailed
from kaireon.events.ingestion import is_event_id
from kaireon.events.models import Event
from kaireon.events.publish import NewEvent
from kaireon.studio.forms import BodyForm, JSONText, sentence
from kaireon.studio.pages import StudioPage
from triggers.engine.dry_run import try_out
from triggers.lifecycle import find_trigger
from triggers.models import Trigger
from triggers.studio.drafts import as_typed, read_runnable
from triggers.studio.event_types import PLATFORM
from triggers.studio.form_fields import TriggerForm
from triggers.studio.samples import (
    MOST_SEARCHED,
    as_sent,
    event_choices,
    first_text,
    newest_that_meets,
    read_sample,
    recent_events,
    written,
)
from triggers.studio.sentence import sentence_of


class EventForm(BodyForm):
    """The event to try the trigger with."""

    event = JSONText(label="Event", required=True, error_messages={"required": "Write an event, or choose one."})

    def read(self, *, event_type: str) -> NewEvent | None:
        """The event; None where it has problems, which stand at the field then."""
        if not self.is_valid():
            return None
        try:
            return read_sample(self.cleaned_data["event"], event_type=event_type)
        except ValidationFailed as error:
            for detail in error.details:
                self.add_error("event", sentence(f"{detail.field} {detail.message}".strip()))
            return None


def sent_form(request: HttpRequest) -> TriggerForm:
    """The form as it was sent; `?trigger=<id>` names the trigger that it changes. Raises NotFound."""
    trigger_id = request.GET.get("trigger")
    stored = find_trigger(trigger_id) if trigger_id else None
    return TriggerForm(request.POST, trigger=stored or Trigger(), stored=stored)


class DraftTrigger(StudioPage):
    """Answers fragments for htmx, each swapped in out of band. Writes nothing."""

    template_name = "studio/trigger_form/draft.html"

    def post(self, request: HttpRequest) -> HttpResponse:
        form = sent_form(request)
        event_type = str(form["event_type"].value() or "").strip()
        context: dict[str, Any] = {"form": form, "event_type": event_type, "kind": PLATFORM.get(event_type)}
        event_form = EventForm(request.POST)
        if request.POST.get("events_of", "") != event_type:
            recent = recent_events(event_type)
            context |= {"has_other_events": True, "event_choices": event_choices(recent, now=clock.now())}
            if not request.POST.get("event_is_typed"):
                context["event_text"] = first_text(event_type, recent)
                event_form = EventForm({"event": context["event_text"]})
        # Before a type is chosen there is nothing that the event could be wrong for.
        event = event_form.read(event_type=event_type) if event_type else None
        runnable = read_runnable(form, without=frozenset({"eventType", "condition"}))
        if runnable is not None and event is not None:
            context["result"] = try_out(runnable, event, now=clock.now())
        return self.render(
            {
                **context,
                "event_form": event_form,
                "event": event,
                "sentence": sentence_of(as_typed(form)),
                "problems": form.problems(),
            }
        )


class SampleEvent(StudioPage):
    """An event of the log as the text to try out."""

    template_name = "studio/trigger_form/event_field.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """`?event_choice=<id>`; without an id an example of `?event_type`."""
        wanted = request.GET.get("event_choice", "")
        if not wanted:
            return self.render({"event_text": first_text(request.GET.get("event_type", ""), [])})
        event = Event.objects.filter(event_id=wanted).first() if is_event_id(wanted) else None
        if event is None:
            raise NotFound("There is no such event any more.")
        return self.render({"event_text": written(as_sent(event))})

    def post(self, request: HttpRequest) -> HttpResponse:
        """The newest event that meets the condition of the form; what was typed stays where there is none."""
        form = sent_form(request)
        form.is_valid()
        event_text, event_note = matching_text(form, now=clock.now())
        return self.render({"event_text": event_text or request.POST.get("event", ""), "event_note": event_note})


def matching_text(form: TriggerForm, *, now: datetime) -> tuple[str, str]:
    """The newest event that meets the form's condition, as text; or why there is none."""
    drawn_from = form.cleaned_data.get("event_type", "")
    try:
        condition = conditions.parse(form.cleaned_data["condition"])
    except (KeyError, conditions.ConditionError):
        return "", "The condition has problems: correct it first."
    event = newest_that_meets(condition, drawn_from, now=now)
    if event is None:
        return "", f"None of the newest {MOST_SEARCHED} events of this type meets the condition."
    return written(as_sent(event)), ""
