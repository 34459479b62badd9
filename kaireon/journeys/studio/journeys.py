"""The pages of journeys."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import django_filters
from django import forms
from django.db import connection
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse

from kaireon.core import clock
from kaireon.core.errors import MalformedJson, ValidationFailed
from kaireon.core.json_values import decode
from kaireon.core.rest import validated
from kaireon.journeys.api.serializers import EnrolRequest
from kaireon.journeys.by_hand import enrol_customers
from kaireon.journeys.definition import MAX_DAYS, check_definition, read_journey
from kaireon.journeys.enrolling import Deduplication
from kaireon.journeys.lifecycle import (
    ALLOWED_TRANSITIONS,
    create_journey,
    delete_journey,
    find_journey,
    update_journey,
)
from kaireon.journeys.models import Enrolment, Journey, JourneyStatus
from kaireon.journeys.studio.drawing import draw
from kaireon.journeys.studio.enrolments import EnrolmentList
from kaireon.journeys.studio.examples import FIRST_DEFINITION, STEP_EXAMPLES
from kaireon.studio.forms import BodyForm, JSONText
from kaireon.studio.lists import SearchFilter
from kaireon.studio.pages import StudioPage
from kaireon.studio.resources import Resource

LATEST = 10
"""Enrolments shown on a journey's page."""
MOST_WAITING_COUNTED = 10_000
_WAITING = """
    SELECT current_node, count(*) FROM (
        SELECT current_node FROM journeys_enrolment WHERE journey_id = %s AND status = 'active' LIMIT %s
    ) AS under_way GROUP BY current_node
"""


class JourneyFilters(django_filters.FilterSet):
    """What the list can be narrowed by."""

    search = SearchFilter(method="search_text", label="Search journeys")
    status = django_filters.ChoiceFilter(choices=JourneyStatus.choices, empty_label="Any status")

    class Meta:
        model = Journey
        fields: tuple[str, ...] = ()

    def search_text(self, rows: QuerySet[Journey], name: str, value: Any) -> QuerySet[Journey]:
        return rows.filter(Q(name__icontains=value) | Q(pk__icontains=value) | Q(description__icontains=value))


class JourneyForm(BodyForm):
    """The fields of a journey."""

    name = forms.CharField(max_length=255)
    description = forms.CharField(required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))
    max_duration_days = forms.IntegerField(
        min_value=1, max_value=MAX_DAYS, label="Days at most", help_text="Whoever is in it for longer is taken out."
    )
    definition = JSONText(
        empty={}, label="Steps and ways", widget=forms.Textarea(attrs={"rows": 28, "spellcheck": "false"})
    )
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)


class JourneyResource(Resource[Journey]):
    """Journeys."""

    slug = "journey"
    slugs = "journeys"
    noun = "journey"
    title = "Journeys"
    form_class = JourneyForm
    filters = JourneyFilters
    sorts = {
        "name": ("name", "id"),
        "-name": ("-name", "-id"),
        "-updated": ("-updated_at", "id"),
        "updated": ("updated_at", "id"),
    }
    deleting = "Its enrolments stay to be looked at; customers who are under way leave it. Triggers that name it fail."

    def rows(self) -> QuerySet[Journey]:
        return Journey.objects.all()

    def find(self, row_id: str) -> Journey:
        return find_journey(row_id)

    def create(self, body: Mapping[str, Any]) -> Journey:
        return create_journey(values=read_journey(body), now=clock.now())

    def update(self, row_id: str, body: Mapping[str, Any]) -> Journey:
        values = read_journey(body, existing=find_journey(row_id))
        return update_journey(journey_id=row_id, values=values, now=clock.now())

    def delete(self, row_id: str) -> None:
        delete_journey(journey_id=row_id, now=clock.now())

    def next_statuses(self, row: Journey) -> Sequence[str]:
        return [status for status in JourneyStatus.values if status in ALLOWED_TRANSITIONS[row.status]]

    def initial(self, row: Journey | None, request: HttpRequest) -> Mapping[str, Any]:
        if row is None:
            return {"max_duration_days": 30, "definition": definition_text(FIRST_DEFINITION)}
        held = {name: getattr(row, name) for name in JourneyForm.base_fields}
        return {**held, "definition": definition_text(row.definition)}

    def form_context(self, form: BodyForm, row: Journey | None) -> Mapping[str, Any]:
        return {"drawing": sketch(form["definition"].value()), "step_examples": STEP_EXAMPLES}

    def list_context(self, rows: Sequence[Journey]) -> Mapping[str, Any]:
        return {"steps": {journey.pk: len(journey.definition.get("nodes", ())) for journey in rows}}

    def one_context(self, row: Journey, request: HttpRequest) -> Mapping[str, Any]:
        waiting = waiting_by_step(row.pk)
        return {
            "drawing": draw(row.definition, waiting=waiting),
            "definition_text": definition_text(row.definition),
            "waiting_count": sum(waiting.values()),
            "is_capped": sum(waiting.values()) >= MOST_WAITING_COUNTED,
            "latest": Enrolment.objects.filter(journey_id=row.pk).order_by("-started_at", "-id")[:LATEST],
        }

    def urls(self) -> list[URLPattern]:
        return [
            path("journeys/drawing", DrawingPage.as_view(), name="studio-journey-drawing"),
            *super().urls(),
            path("journeys/<str:journey_id>/enrol", EnrolPage.as_view(), name="studio-journey-enrol"),
            path("journeys/<str:journey_id>/enrolments", EnrolmentList.as_view(), name="studio-journey-enrolments"),
        ]


def waiting_by_step(journey_id: str) -> dict[str, int]:
    """How many customers are at each step now. Of the first 10,000 of them, where there are more."""
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, [journey_id, MOST_WAITING_COUNTED])
        return dict(cursor.fetchall())


def definition_text(definition: Mapping[str, Any]) -> str:
    """The definition to be read and typed in: a line for each step and each way, the telling keys first."""
    if not definition:
        return "{}"
    parts = (("nodes", ("id", "type", "config")), ("edges", ("from", "to", "when")))
    lists = []
    for name, keys in parts:
        members = [{key: member[key] for key in keys if key in member} for member in definition[name]]
        lines = ",\n    ".join(json.dumps(member, ensure_ascii=False) for member in members)
        lists.append(f'  "{name}": [\n    {lines}\n  ]')
    return "{\n" + ",\n".join(lists) + "\n}"


def sketch(text: str) -> Mapping[str, Any]:
    """The drawing of what is typed so far, or why there is none: `drawing`, `problems`."""
    try:
        definition = decode(text.encode(errors="replace")) if text.strip() else {}
    except MalformedJson as error:
        return {"problems": [error.message]}
    if not definition:
        return {"problems": []}
    try:
        return {"drawing": draw(check_definition(definition)), "problems": []}
    except ValidationFailed as error:
        return {"problems": [f"{detail.field} {detail.message}".strip() for detail in error.details]}


class DrawingPage(StudioPage):
    """The drawing of what is being typed. Changes nothing."""

    template_name = "studio/journeys/sketch.html"

    def post(self, request: HttpRequest) -> HttpResponse:
        return self.render({"drawing": sketch(request.POST.get("definition", ""))})


class EnrolPage(StudioPage):
    """Takes one customer in, by hand."""

    def post(self, request: HttpRequest, journey_id: str) -> HttpResponse:
        url = reverse("studio-journey", args=[journey_id])
        values = validated(EnrolRequest, {"customerId": request.POST.get("customer_id", "")})
        customer_id = values["customerId"]
        done = enrol_customers(
            journey_id=journey_id,
            customer_ids=[customer_id],
            deduplication=Deduplication(values["deduplication"]),
            now=clock.now(),
        )
        if done.enrolled_count:
            return self.done(f"{customer_id} was enrolled.", url)
        return self.failed(f"{customer_id} is in this journey already.", url)


JOURNEY_PAGES = JourneyResource()
