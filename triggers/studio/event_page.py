"""One event: its facts, what every trigger decided about it, what came of that, and what led to what."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from kaireon.events.api.views import find_event
from kaireon.studio.pages import Crumb, StudioPage
from triggers.chain import EVENT, chain_of_event
from triggers.studio.chain_tree import names_in, tree_of
from triggers.studio.stories import tell


class EventPage(StudioPage):
    """The list of events is in `kaireon.events.studio`; the page is here, since it names triggers."""

    section = "Events"
    template_name = "studio/events/one.html"

    def get(self, request: HttpRequest, event_id: str) -> HttpResponse:
        self.event = find_event(event_id)
        chain = chain_of_event(event_id)
        (story,) = tell([self.event])
        return self.render(
            {
                "event": self.event,
                "story": story,
                "tree": tree_of(chain, here=(EVENT, event_id), names=names_in(chain)),
                "chain": chain,
            }
        )

    def page_title(self) -> str:
        return self.event.event_type

    def crumbs(self) -> list[Crumb]:
        return [Crumb("Events", reverse("studio-events"))]
