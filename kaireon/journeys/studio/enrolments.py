"""The customers in a journey, and those who were."""

from collections.abc import Sequence

import django_filters
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from kaireon.core.errors import NotFound
from kaireon.journeys.lifecycle import find_journey
from kaireon.journeys.models import Enrolment, EnrolmentStatus, Journey
from kaireon.studio.lists import EndlessList
from kaireon.studio.pages import Crumb


class EnrolmentFilters(django_filters.FilterSet):
    """By one customer's whole id, and by status."""

    customer_id = django_filters.CharFilter(label="Customer id", strip=False, max_length=255)
    status = django_filters.ChoiceFilter(choices=EnrolmentStatus.choices, empty_label="Any status")

    class Meta:
        model = Enrolment
        fields: tuple[str, ...] = ()


class EnrolmentList(EndlessList[Enrolment]):
    """Newest first. They stay when their journey is deleted."""

    section = "Journeys"
    template_name = "studio/journeys/enrolments.html"
    filters = EnrolmentFilters
    keys = ("started_at", "id")
    journey: Journey | None = None

    def get(self, request: HttpRequest, *args: object, **kwargs: str) -> HttpResponse:
        try:
            self.journey = find_journey(kwargs["journey_id"])
        except NotFound:
            if not self.rows().exists():
                raise
        return super().get(request, *args, **kwargs)

    def rows(self) -> QuerySet[Enrolment]:
        return Enrolment.objects.filter(journey_id=self.kwargs["journey_id"])

    def page_title(self) -> str:
        return "Enrolments"

    def crumbs(self) -> Sequence[Crumb]:
        journey_id = self.kwargs["journey_id"]
        name, url = journey_id, ""
        if self.journey is not None:
            name, url = self.journey.name, reverse("studio-journey", args=[journey_id])
        return [Crumb("Journeys", reverse("studio-journeys")), Crumb(name, url)]
