"""The event log: the list, live if wanted, and replaying what failed. One event has its page in `triggers.studio`."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.urls import reverse

from kaireon.accounts.roles import Ability
from kaireon.events.api.views import find_event
from kaireon.events.models import Event, EventStatus
from kaireon.events.names import event_types
from kaireon.events.replay import AT_MOST, replay, replay_all
from kaireon.events.studio.filters import EventListFilters
from kaireon.events.studio.summary import decided
from kaireon.studio import wording
from kaireon.studio.bulk import BulkPage
from kaireon.studio.counting import counted
from kaireon.studio.pages import Question, StudioPage
from kaireon.studio.tail import LiveList

SECTION = "Events"


class EventList(LiveList[Event]):
    """All events, newest first."""

    title = "Events"
    section = SECTION
    template_name = "studio/events/list.html"
    tail_template = "studio/events/tail.html"
    filters = EventListFilters
    keys = ("sequence",)
    arrived = "received_at"

    def rows(self) -> QuerySet[Event]:
        return Event.objects.defer("properties")

    def decorate(self, rows: Sequence[Event]) -> Mapping[str, Any]:
        return {"decided": {event.pk: decided(event) for event in rows}, "can_tick": self.may(Ability.WRITE)}

    def event_types(self) -> list[str]:
        """What the field for the type suggests."""
        return event_types()


class ReplayEvent(StudioPage):
    """Sends one failed event back to the queue."""

    section = SECTION

    def post(self, request: Any, event_id: str) -> HttpResponse:
        event = replay(event=find_event(event_id))
        return self.done(
            f"{event.event_id} is queued again.", self.next_url(reverse("studio-event", args=[event.event_id]))
        )


class ReplayEvents(BulkPage[Event]):
    """Asks, and sends failed events back: those that were ticked, or all that fit the filters of the list."""

    title = "Replay failed events"
    section = SECTION
    filters = EventListFilters
    list_route = "studio-events"

    def rows(self) -> QuerySet[Event]:
        return Event.objects.filter(status=EventStatus.FAILED)

    def ask(self, number: int) -> Question:
        are = "is 1 failed event" if number == 1 else f"are {counted(number)} failed events"
        at_once = (
            f" At most {wording.count(AT_MOST)} go at once; the others stay as they are." if number > AT_MOST else ""
        )
        return Question(
            title="Replay failed events?",
            text=f"There {are}{self.which()}. Each goes back to the queue with fresh tries. What has already fired does"
            f" not fire again.{at_once}",
            button="Replay 1 event" if number == 1 else f"Replay {wording.count(min(number, AT_MOST))} events",
            back_url=self.back_url(),
        )

    def carry_out(self, rows: QuerySet[Event]) -> str:
        tally = replay_all(events=rows)
        return self.tell(tally.done, tally.left, thing="event", things="events", what="queued again")
