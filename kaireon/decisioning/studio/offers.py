"""The pages of offers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

import django_filters
from django import forms
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse

from kaireon.core import clock
from kaireon.core.rest import validated
from kaireon.decisioning.amounts import LARGEST
from kaireon.decisioning.api.offers import OfferBody
from kaireon.decisioning.models import Interaction, Offer, OfferStatus
from kaireon.decisioning.offer_lifecycle import create_offer, delete_offer, update_offer
from kaireon.decisioning.offers import explain_unavailable, find_offer
from kaireon.decisioning.studio.fields import TagsField, UtcField, moment_of, number_of
from kaireon.studio.forms import BodyForm, JSONText
from kaireon.studio.lists import SearchFilter
from kaireon.studio.resources import Resource

LATEST = 10
"""Outcomes shown on an offer's page."""


@dataclass(frozen=True, slots=True)
class Bar:
    """How much of one limit of a budget is used. Without a limit there is only what was counted."""

    label: str
    spent: int | float
    limit: int | float | None

    @property
    def share(self) -> int:
        """In percent of the limit, at most 100."""
        return min(100, int(100 * self.spent / self.limit)) if self.limit else 0

    @property
    def is_full(self) -> bool:
        """Whether nothing is left."""
        return self.limit is not None and self.spent >= self.limit


def budget_bars(offer: Offer) -> list[Bar]:
    """The three things that a budget can limit."""
    return [
        Bar("Impressions", offer.spent_impressions, offer.max_impressions),
        Bar("Conversions", offer.spent_conversions, offer.max_conversions),
        Bar("Spend", number_of(offer.spent_amount) or 0, number_of(offer.max_spend)),
    ]


class OfferFilters(django_filters.FilterSet):
    """What the list can be narrowed by."""

    search = SearchFilter(method="search_text", label="Search offers")
    status = django_filters.ChoiceFilter(choices=OfferStatus.choices, empty_label="Any status")
    category = django_filters.CharFilter()
    tag = django_filters.CharFilter(method="with_tag", label="Tag")

    class Meta:
        model = Offer
        fields: tuple[str, ...] = ()

    def search_text(self, rows: QuerySet[Offer], name: str, value: Any) -> QuerySet[Offer]:
        return rows.filter(Q(name__icontains=value) | Q(pk__icontains=value))

    def with_tag(self, rows: QuerySet[Offer], name: str, value: Any) -> QuerySet[Offer]:
        return rows.filter(tags__contains=[value])


class OfferForm(BodyForm):
    """The fields of an offer."""

    name = forms.CharField(max_length=255)
    category = forms.CharField(required=False, max_length=100)
    tags = TagsField()
    priority = forms.IntegerField(min_value=0, max_value=100, help_text="0 to 100.")
    business_value = forms.DecimalField(min_value=0, max_value=LARGEST, help_text="What it is worth to you.")
    starts_at = UtcField(label="From (UTC)")
    ends_at = UtcField(label="Until (UTC)")
    eligibility = JSONText(empty={}, label="Who it is for")
    attributes = JSONText(empty={}, help_text="What templates read as offer.…, and formulas as offer_….")
    max_impressions = forms.IntegerField(required=False, min_value=1, label="Impressions at most")
    max_conversions = forms.IntegerField(required=False, min_value=1, label="Conversions at most")
    max_spend = forms.DecimalField(required=False, max_value=LARGEST, label="Spend at most")
    cost_per_outcome = forms.DecimalField(
        required=False,
        min_value=0,
        max_value=LARGEST,
        label="Cost of an outcome",
        help_text="What a positive outcome without a conversionValue spends.",
    )
    paths: ClassVar[Mapping[str, str]] = {
        "budget.maxImpressions": "max_impressions",
        "budget.maxConversions": "max_conversions",
        "budget.maxSpend": "max_spend",
    }

    def body(self) -> dict[str, Any]:
        data = self.cleaned_data
        budget = {
            "maxImpressions": data["max_impressions"],
            "maxConversions": data["max_conversions"],
            "maxSpend": number_of(data["max_spend"]),
        }
        return {
            **{name: data[name] for name in ("name", "category", "tags", "priority", "eligibility", "attributes")},
            "businessValue": number_of(data["business_value"]),
            "startsAt": moment_of(data["starts_at"]),
            "endsAt": moment_of(data["ends_at"]),
            "budget": {name: limit for name, limit in budget.items() if limit is not None},
            "costPerOutcome": number_of(data["cost_per_outcome"]),
        }


class OfferResource(Resource[Offer]):
    """Offers."""

    slug = "offer"
    slugs = "offers"
    noun = "offer"
    title = "Offers"
    form_class = OfferForm
    filters = OfferFilters
    sorts = {
        "-priority": ("-priority", "id"),
        "priority": ("priority", "id"),
        "name": ("name", "id"),
        "-name": ("-name", "-id"),
        "ends": ("ends_at", "id"),
        "-ends": ("-ends_at", "id"),
    }
    deleting = "Its outcomes stay. It is not recommended any more."

    def rows(self) -> QuerySet[Offer]:
        return Offer.objects.all()

    def find(self, row_id: str) -> Offer:
        return find_offer(row_id)

    def create(self, body: Mapping[str, Any]) -> Offer:
        return create_offer(values=validated(OfferBody, body), now=clock.now())

    def update(self, row_id: str, body: Mapping[str, Any]) -> Offer:
        return update_offer(offer_id=row_id, values=validated(OfferBody, body, partial=True), now=clock.now())

    def delete(self, row_id: str) -> None:
        delete_offer(offer_id=row_id, now=clock.now())

    def next_statuses(self, row: Offer) -> Sequence[str]:
        return [OfferStatus.PAUSED] if row.status == OfferStatus.ACTIVE else [OfferStatus.ACTIVE]

    def initial(self, row: Offer | None, request: HttpRequest) -> Mapping[str, Any]:
        row = row or Offer()
        return {name: getattr(row, name) for name in OfferForm.base_fields}

    def list_context(self, rows: Sequence[Offer]) -> Mapping[str, Any]:
        now = clock.now()
        return {
            "bars": {offer.pk: [bar for bar in budget_bars(offer) if bar.limit is not None] for offer in rows},
            "over": {offer.pk: _why_over(offer, now=now) for offer in rows},
        }

    def form_context(self, form: BodyForm, row: Offer | None) -> Mapping[str, Any]:
        return {"customer_fields_url": reverse("studio-customer-fields")}

    def one_context(self, row: Offer, request: HttpRequest) -> Mapping[str, Any]:
        return {
            "bars": budget_bars(row),
            "unavailable": explain_unavailable(row, now=clock.now()),
            "latest": Interaction.objects.filter(offer_id=row.pk).order_by("-id")[:LATEST],
        }


def _why_over(offer: Offer, *, now: datetime) -> str:
    """In a word or two why an active offer is not recommended; empty where it is."""
    if offer.status != OfferStatus.ACTIVE:
        return ""
    if offer.starts_at is not None and now < offer.starts_at:
        return "not begun"
    if offer.ends_at is not None and now >= offer.ends_at:
        return "ended"
    return "" if offer.exhausted_at is None else "budget used up"


OFFER_PAGES = OfferResource()
