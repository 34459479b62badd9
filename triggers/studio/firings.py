"""Firings: those of a trigger as a list, and one of them with all that belongs to it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from kaireon.core.errors import NotFound
from kaireon.decisioning.models import InboxMessage
from kaireon.delivery.models import Delivery
from kaireon.events.models import Event
from kaireon.studio.lists import EndlessList, SearchFilter
from kaireon.studio.moments import MomentFilter
from kaireon.studio.pages import Crumb, StudioPage
from triggers.chain import FIRING, chain_of_firing
from triggers.models import Firing, Outcome, Trigger
from triggers.studio.chain_tree import names_in, tree_of
from triggers.studio.ledger import in_words
from triggers.studio.one_trigger import OneTrigger
from triggers.studio.outcomes import effect_of
from triggers.studio.wording import action_label

MOST_SENT_SHOWN = 100


class FiringListFilters(django_filters.FilterSet):
    """What a trigger's firings can be narrowed by. Customers are whole ids, which an index finds."""

    customer = SearchFilter(method="of_customer", label="Customer id")
    outcome = django_filters.ChoiceFilter(choices=Outcome.choices, empty_label="Any outcome")
    since = MomentFilter(method="from_moment", label="Since (UTC)")
    until = MomentFilter(method="before_moment", label="Until (UTC)")

    class Meta:
        model = Firing
        fields: tuple[str, ...] = ()

    def of_customer(self, rows: QuerySet[Firing], name: str, value: Any) -> QuerySet[Firing]:
        return rows.filter(customer_id=value)

    def from_moment(self, rows: QuerySet[Firing], name: str, value: datetime) -> QuerySet[Firing]:
        return rows.filter(fired_at__gte=value)

    def before_moment(self, rows: QuerySet[Firing], name: str, value: datetime) -> QuerySet[Firing]:
        return rows.filter(fired_at__lt=value)


class FiringList(OneTrigger, EndlessList[Firing]):
    """A trigger's firings, newest first. They stay when it is deleted."""

    template_name = "studio/triggers/firings.html"
    tab = "firings"
    filters = FiringListFilters
    keys = ("fired_at", "id")

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.recall()
        return super().get(request, *args, **kwargs)

    def rows(self) -> QuerySet[Firing]:
        return Firing.objects.filter(trigger_id=self.kwargs["trigger_id"])

    def decorate(self, rows: Sequence[Firing]) -> Mapping[str, Any]:
        return {"entries": with_effects(rows)}


def with_effects(firings: Sequence[Firing]) -> list[Mapping[str, Any]]:
    """Each firing with what it did, in words."""
    return [{"firing": firing, "effect": effect_of(firing)} for firing in firings]


class FiringPage(StudioPage):
    """One firing: why it happened, what it did, what was sent, and the chain that it belongs to."""

    section = "Triggers"
    template_name = "studio/triggers/firing.html"
    trigger_name = ""

    def get(self, request: HttpRequest, firing_id: str) -> HttpResponse:
        firing = self.firing = _find(firing_id)
        trigger = Trigger.objects.only("name", "version").filter(pk=firing.trigger_id).first()
        self.trigger_name = trigger.name if trigger else firing.trigger_id
        event = Event.objects.filter(event_id=firing.event_id).first()
        chain = chain_of_firing(firing_id)
        return self.render(
            {
                "firing": firing,
                "trigger": trigger,
                "action": action_label(firing.action_type),
                "effect": effect_of(firing),
                "event": event,
                "decision": _decision(firing, event),
                "deliveries": _deliveries(firing),
                "inbox": InboxMessage.objects.filter(cause=firing.pk).exclude(cause="")[:MOST_SENT_SHOWN],
                "tree": tree_of(chain, here=(FIRING, firing.pk), names=names_in(chain)),
                "chain": chain,
            }
        )

    def page_title(self) -> str:
        return f"Firing of {self.trigger_name}"

    def crumbs(self) -> list[Crumb]:
        trigger_id = self.firing.trigger_id
        return [
            Crumb("Triggers", reverse("studio-triggers")),
            Crumb(self.trigger_name, reverse("studio-trigger", args=[trigger_id])),
            Crumb("Firings", reverse("studio-trigger-firings", args=[trigger_id])),
        ]


def _find(firing_id: str) -> Firing:
    firing = Firing.objects.filter(pk=firing_id).first()
    if firing is None:
        raise NotFound(f"There is no firing {firing_id!r}.")
    return firing


def _decision(firing: Firing, event: Event | None) -> Mapping[str, str]:
    """The trigger's line in the event's ledger; made up from the firing where the event is not stored any more."""
    for line in event.decisions if event else ():
        if line.get("firingId") == firing.pk:
            return {"name": line["decision"], "text": in_words(line)}
    return {"name": "action_failed" if firing.outcome == Outcome.FAILED else "fired", "text": ""}


def _deliveries(firing: Firing) -> QuerySet[Delivery]:
    return Delivery.objects.filter(firing_id=firing.pk).defer("headers", "body").order_by("id")[:MOST_SENT_SHOWN]
