"""The pages of decision flows."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import django_filters
from django import forms
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse

from kaireon.core import clock
from kaireon.core.rest import validated
from kaireon.decisioning.api.decision_flows import DecisionFlowBody
from kaireon.decisioning.flows import FLOWS
from kaireon.decisioning.models import MAX_LIMIT, DecisionFlow, FlowStatus, Recommendation
from kaireon.decisioning.offers import available_offers
from kaireon.decisioning.scoring import DEFAULTS
from kaireon.decisioning.studio.fields import TagsField
from kaireon.studio.forms import BodyForm, JSONText
from kaireon.studio.lists import SearchFilter
from kaireon.studio.resources import Resource

LATEST = 10
"""Recommendations shown on a flow's page."""


class FlowFilters(django_filters.FilterSet):
    """What the list can be narrowed by."""

    search = SearchFilter(method="search_text", label="Search decision flows")
    status = django_filters.ChoiceFilter(choices=FlowStatus.choices, empty_label="Any status")

    class Meta:
        model = DecisionFlow
        fields: tuple[str, ...] = ()

    def search_text(self, rows: QuerySet[DecisionFlow], name: str, value: Any) -> QuerySet[DecisionFlow]:
        return rows.filter(Q(name__icontains=value) | Q(pk__icontains=value))


class FlowForm(BodyForm):
    """The fields of a decision flow, in the order in which it works."""

    name = forms.CharField(max_length=255)
    category = forms.CharField(required=False, max_length=100, help_text="Empty: offers of every category.")
    tags = TagsField(help_text="Offers with at least one of them, with commas between; empty: with any tags or none.")
    eligibility = JSONText(empty={}, label="Who it is for")
    priority_weight = forms.FloatField(label="Weight of the offer's priority")
    value_weight = forms.FloatField(label="Weight of its business value")
    formula = forms.CharField(
        required=False,
        help_text="Added to the score. Reads customer_<attribute>, offer_<attribute>, priority and business_value.",
    )
    limit = forms.IntegerField(min_value=1, max_value=MAX_LIMIT, label="Offers at most")
    paths: ClassVar[Mapping[str, str]] = {
        "candidates.category": "category",
        "candidates.tags": "tags",
        "score.priorityWeight": "priority_weight",
        "score.valueWeight": "value_weight",
        "score.formula": "formula",
    }

    def body(self) -> dict[str, Any]:
        data = self.cleaned_data
        candidates = {name: data[name] for name in ("category", "tags") if data[name]}
        score = {"priorityWeight": data["priority_weight"], "valueWeight": data["value_weight"]}
        return {
            "name": data["name"],
            "candidates": candidates,
            "eligibility": data["eligibility"],
            "score": {**score, "formula": data["formula"]} if data["formula"] else score,
            "limit": data["limit"],
        }


class FlowResource(Resource[DecisionFlow]):
    """Decision flows."""

    slug = "decision-flow"
    slugs = "decision-flows"
    noun = "decision flow"
    title = "Decision flows"
    form_class = FlowForm
    filters = FlowFilters
    sorts = {
        "name": ("name", "id"),
        "-name": ("-name", "-id"),
        "-updated": ("-updated_at", "id"),
        "updated": ("updated_at", "id"),
    }
    deleting = "What it has recommended stays. Triggers and journeys that name it will fail, and say so."

    def rows(self) -> QuerySet[DecisionFlow]:
        return DecisionFlow.objects.all()

    def find(self, row_id: str) -> DecisionFlow:
        return FLOWS.find(row_id)

    def create(self, body: Mapping[str, Any]) -> DecisionFlow:
        return FLOWS.create(values=validated(DecisionFlowBody, body), now=clock.now())

    def update(self, row_id: str, body: Mapping[str, Any]) -> DecisionFlow:
        return FLOWS.update(row_id=row_id, values=validated(DecisionFlowBody, body, partial=True), now=clock.now())

    def delete(self, row_id: str) -> None:
        FLOWS.delete(row_id=row_id, now=clock.now())

    def next_statuses(self, row: DecisionFlow) -> Sequence[str]:
        return [FlowStatus.PAUSED] if row.status == FlowStatus.ACTIVE else [FlowStatus.ACTIVE]

    def initial(self, row: DecisionFlow | None, request: HttpRequest) -> Mapping[str, Any]:
        row = row or DecisionFlow(candidates={}, eligibility={}, score={})
        score = {**DEFAULTS, **row.score}
        return {
            "name": row.name,
            "category": row.candidates.get("category", ""),
            "tags": row.candidates.get("tags", []),
            "eligibility": row.eligibility,
            "priority_weight": score["priorityWeight"],
            "value_weight": score["valueWeight"],
            "formula": score.get("formula", ""),
            "limit": row.limit,
        }

    def form_context(self, form: BodyForm, row: DecisionFlow | None) -> Mapping[str, Any]:
        return {"customer_fields_url": reverse("studio-customer-fields")}

    def one_context(self, row: DecisionFlow, request: HttpRequest) -> Mapping[str, Any]:
        category, tags = row.candidates.get("category", ""), row.candidates.get("tags", [])
        return {
            "candidates": available_offers(now=clock.now(), category=category, tags=tags),
            "latest": Recommendation.objects.filter(flow_id=row.pk).order_by("-id")[:LATEST],
        }


FLOW_PAGES = FlowResource()
