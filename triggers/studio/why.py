"""Why a customer got what they got: all that came of their events, and what is known of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from kaireon.core import clock
from kaireon.core.ids import CUSTOMER_ID_RULE, is_customer_id
from kaireon.events.models import Event
from kaireon.studio.lists import EndlessList
from kaireon.studio.pages import Crumb, StudioPage
from triggers.studio.customer_facts import facts_of
from triggers.studio.stories import tell

SECTION = "Customers"


class Why(StudioPage):
    """`?customer=…` leads to the customer's page, and `&trigger=…` to the question about one trigger."""

    title = "Why?"
    section = SECTION
    template_name = "studio/why/ask.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        customer_id = request.GET.get("customer", "").strip()
        if not customer_id:
            return self.render()
        if not is_customer_id(customer_id):
            return self.render(
                {"why_customer": customer_id, "problem": f"A customer id is {CUSTOMER_ID_RULE}."}, status=400
            )
        return HttpResponseRedirect(reverse("studio-customer", args=[customer_id]))


class TimelineFilters(django_filters.FilterSet):
    """The events of one type alone."""

    event_type = django_filters.CharFilter(
        label="Type of event",
        max_length=100,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": "Type of event", "autocomplete": "off"}),
    )

    class Meta:
        model = Event
        fields: tuple[str, ...] = ()


class CustomerPage(EndlessList[Event]):
    """The timeline of a customer's events, and at its side what is known of them now."""

    section = SECTION
    template_name = "studio/why/customer.html"
    filters = TimelineFilters
    keys = ("sequence",)
    page_size = 20

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.customer_id: str = kwargs["customer_id"]

    def rows(self) -> QuerySet[Event]:
        return Event.objects.filter(customer_id=self.customer_id)

    def decorate(self, rows: Sequence[Event]) -> Mapping[str, Any]:
        facts = facts_of(self.customer_id, now=clock.now())
        is_known = bool(rows) or not facts.is_empty() or bool(self.request.GET)
        return {
            "customer_id": self.customer_id,
            "clear_url": self._own_path(),
            "stories": tell(rows, enrolled=facts.enrolled),
            "facts": facts,
            "is_known": is_known,
            "can_exist": is_customer_id(self.customer_id),
            "prefix": self.customer_id[: max(1, len(self.customer_id) // 2)],
        }

    def address(self, **changes: str | int | None) -> str:
        address = super().address(**changes)
        return address if address.startswith("?") else self._own_path()

    def page_title(self) -> str:
        return self.customer_id

    def crumbs(self) -> list[Crumb]:
        return [Crumb("Customers", reverse("studio-customers"))]

    def _own_path(self) -> str:
        """Escaped, since an id may hold what means something in a URL."""
        return reverse("studio-customer", args=[self.customer_id])
