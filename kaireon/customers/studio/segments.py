"""The pages of segments, and of who is in one."""

from collections.abc import Mapping, Sequence
from typing import Any

import django_filters
from django import forms
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse

from kaireon.core import clock
from kaireon.core.errors import ValidationFailed
from kaireon.core.rest import validated
from kaireon.customers.api.segment_serializers import SegmentBody, SegmentChanges
from kaireon.customers.models import Membership, Schema, Segment
from kaireon.customers.segments import create_segment, delete_segment, find_segment, update_segment, with_member_counts
from kaireon.studio.forms import BodyForm, JSONText
from kaireon.studio.lists import EndlessList, SearchFilter
from kaireon.studio.pages import Crumb
from kaireon.studio.resources import Resource

FIRST_MEMBERS = 20
"""Of them, on a segment's page."""


class SegmentFilters(django_filters.FilterSet):
    """What the list can be narrowed by."""

    search = SearchFilter(method="search_text", label="Search segments")

    class Meta:
        model = Segment
        fields: tuple[str, ...] = ()

    def search_text(self, rows: QuerySet[Segment], name: str, value: Any) -> QuerySet[Segment]:
        return rows.filter(Q(name__icontains=value) | Q(pk__icontains=value))


def schema_choices() -> list[tuple[str, str]]:
    """The schemas, the default one first."""
    schemas = Schema.objects.order_by("-is_default", "id")
    return [(schema.pk, f"{schema}, the default" if schema.is_default else str(schema)) for schema in schemas]


class SegmentForm(BodyForm):
    """The fields of a segment. The schema stays what it was at first."""

    name = forms.CharField(max_length=255)
    schema_id = forms.ChoiceField(choices=schema_choices, label="Schema", required=False)
    criteria = JSONText(empty={}, label="Who is in it")
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def body(self) -> dict[str, Any]:
        body = super().body()
        if not body["schemaId"]:
            del body["schemaId"]
        return body


class SegmentResource(Resource[Segment]):
    """Segments."""

    slug = "segment"
    slugs = "segments"
    noun = "segment"
    title = "Segments"
    form_class = SegmentForm
    filters = SegmentFilters
    sorts = {
        "name": ("name", "id"),
        "-name": ("-name", "-id"),
        "-updated": ("-updated_at", "id"),
        "updated": ("updated_at", "id"),
    }
    deleting = "Its memberships go with it. Nobody is told that they left: no segment.exited is published."

    def rows(self) -> QuerySet[Segment]:
        return with_member_counts(Segment.objects.select_related("schema"))

    def find(self, row_id: str) -> Segment:
        return find_segment(row_id)

    def create(self, body: Mapping[str, Any]) -> Segment:
        values = validated(SegmentBody, body)
        values.pop("version", None)
        return create_segment(segment_id=values.pop("id", None), now=clock.now(), **values)

    def update(self, row_id: str, body: Mapping[str, Any]) -> Segment:
        values = validated(SegmentChanges, body)
        if values.pop("id", row_id) != row_id:
            raise ValidationFailed.at("id", "can't be changed; make a new segment instead.")
        return update_segment(segment_id=row_id, now=clock.now(), **values)

    def delete(self, row_id: str) -> None:
        delete_segment(segment_id=row_id, now=clock.now())

    def initial(self, row: Segment | None, request: HttpRequest) -> Mapping[str, Any]:
        if row is None:
            return {"criteria": {}}
        return {"name": row.name, "schema_id": row.schema_id, "criteria": row.criteria, "version": row.version}

    def form_context(self, form: BodyForm, row: Segment | None) -> Mapping[str, Any]:
        fields_url = reverse("studio-customer-fields")
        return {"customer_fields_url": fields_url if row is None else f"{fields_url}?schema={row.schema_id}"}

    def one_context(self, row: Segment, request: HttpRequest) -> Mapping[str, Any]:
        members = Membership.objects.filter(segment_id=row.pk).order_by("customer_id")
        return {"members": members[:FIRST_MEMBERS]}

    def urls(self) -> list[URLPattern]:
        members = path("segments/<str:segment_id>/members", MemberList.as_view(), name="studio-segment-members")
        return [*super().urls(), members]


class MemberFilters(django_filters.FilterSet):
    """Finds one customer among the members."""

    search = SearchFilter(method="begins_with", label="Customer id begins with")

    class Meta:
        model = Membership
        fields: tuple[str, ...] = ()

    def begins_with(self, rows: QuerySet[Membership], name: str, value: Any) -> QuerySet[Membership]:
        return rows.filter(customer_id__gte=value, customer_id__lt=f"{value}\U0010ffff")


class MemberList(EndlessList[Membership]):
    """Everybody who is in a segment, by customer id."""

    section = "Segments"
    template_name = "studio/segments/members.html"
    filters = MemberFilters
    keys = ("customer_id",)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.segment = find_segment(kwargs["segment_id"])
        return super().get(request, *args, **kwargs)

    def rows(self) -> QuerySet[Membership]:
        return Membership.objects.filter(segment_id=self.kwargs["segment_id"])

    def page_title(self) -> str:
        return "Members"

    def crumbs(self) -> Sequence[Crumb]:
        return [
            Crumb("Segments", reverse("studio-segments")),
            Crumb(self.segment.name, reverse("studio-segment", args=[self.segment.pk])),
        ]


SEGMENT_PAGES = SegmentResource()
