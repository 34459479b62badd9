"""The list of triggers."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import django_filters
from django.db.models import BigIntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce
from django.urls import reverse

from kaireon.core import clock
from kaireon.studio.lists import NumberedList, SearchFilter
from triggers.actions.registry import actions
from triggers.definition import PRIORITY_BANDS
from triggers.models import Firing, Status, Trigger
from triggers.studio.recipes import RECIPES
from triggers.studio.rows import rows_of
from triggers.tallies import first_of_24_hours

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_BANDS: Mapping[str, tuple[int, int]] = {
    word.lower(): (lowest, highest - 1)
    for (lowest, word), highest in zip(PRIORITY_BANDS, (101, *(lowest for lowest, _ in PRIORITY_BANDS)), strict=False)
}


class TriggerListFilters(django_filters.FilterSet):
    """What the list can be narrowed by."""

    search = SearchFilter(method="search_text", label="Search triggers")
    status = django_filters.ChoiceFilter(choices=Status.choices, empty_label="Any status")
    event_type = django_filters.ChoiceFilter(
        choices=lambda: [(name, name) for name in _event_types()], empty_label="Any event type", label="Event type"
    )
    action_type = django_filters.ChoiceFilter(
        choices=lambda: [(name, action.label) for name, action in actions().items()],
        empty_label="Any action",
        label="Action",
    )
    priority = django_filters.ChoiceFilter(
        method="in_band",
        choices=[
            *((band, f"{band.capitalize()} ({lowest} to {highest})") for band, (lowest, highest) in _BANDS.items()),
            ("none", "None (0)"),
        ],
        empty_label="Any priority",
        label="Priority",
    )

    class Meta:
        model = Trigger
        fields: tuple[str, ...] = ()

    def search_text(self, rows: QuerySet[Trigger], name: str, value: Any) -> QuerySet[Trigger]:
        """Every word must be found somewhere."""
        for word in str(value).split():
            rows = rows.filter(Q(id__icontains=word) | Q(name__icontains=word) | Q(description__icontains=word))
        return rows

    def in_band(self, rows: QuerySet[Trigger], name: str, value: str) -> QuerySet[Trigger]:
        return rows.filter(priority__range=_BANDS.get(value, (0, 0)))


class TriggerList(NumberedList[Trigger]):
    """Every trigger, with what it did in the last 24 hours."""

    title = "Triggers"
    section = "Triggers"
    template_name = "studio/triggers/list.html"
    filters = TriggerListFilters
    sorts = {
        "-priority": ("-priority", "id"),
        "priority": ("priority", "id"),
        "name": ("name", "id"),
        "-name": ("-name", "-id"),
        "-fired": ("-fired_lately", "id"),
        "fired": ("fired_lately", "id"),
        "-count": ("-fired_count", "id"),
        "count": ("fired_count", "id"),
        "-changed": ("-updated_at", "id"),
        "changed": ("updated_at", "id"),
    }
    sort_choices = (
        ("", "Highest priority"),
        ("name", "Name"),
        ("-fired", "Fired last"),
        ("-count", "Fired most in 24 hours"),
        ("-changed", "Changed last"),
    )

    def rows(self) -> QuerySet[Trigger]:
        rows = Trigger.objects.all()
        match self.request.GET.get("sort", "").lstrip("-"):
            case "fired":
                return rows.annotate(fired_lately=Coalesce(_last_fired(), _NEVER))
            case "count":
                return rows.annotate(fired_count=_fired_since(first_of_24_hours(clock.now())))
            case _:
                return rows

    def decorate(self, rows: Sequence[Trigger]) -> Mapping[str, Any]:
        is_empty = not rows and not any(self.request.GET.values())
        return {
            "entries": rows_of(rows, now=clock.now()),
            "sort_choices": self.sort_choices,
            "recipes": RECIPES if is_empty else {},
            "events_url": self.request.build_absolute_uri(reverse("events")) if is_empty else "",
            "next": self.request.get_full_path(),
        }


def _last_fired() -> Subquery:
    firings = Firing.objects.filter(trigger_id=OuterRef("pk")).order_by("-fired_at", "-id")
    return Subquery(firings.values("fired_at")[:1])


# The sums are made once, and looked up for each trigger: asked for one by one they take several times as long.
_FIRED_SINCE = """
    COALESCE((
        (SELECT jsonb_object_agg(trigger_id, fired) FROM (
            SELECT trigger_id, sum(succeeded + queued + skipped + failed) AS fired FROM triggers_tally
            WHERE is_firing AND hour >= %s GROUP BY trigger_id
        ) AS counted) ->> triggers_trigger.id
    )::bigint, 0)
"""


def _fired_since(begin: datetime) -> RawSQL:
    return RawSQL(_FIRED_SINCE, [begin], output_field=BigIntegerField())


def _event_types() -> Sequence[str]:
    return list(Trigger.objects.order_by("event_type").values_list("event_type", flat=True).distinct())
