"""What the list can be narrowed by. All of it is exact, and none of it counts."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar

from django.contrib import messages
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter, RangeDateFilter, TextFilter

from audit.models import EntryQuerySet, action_names

# What a firing can come to, in the contract's words.
OUTCOMES = ("succeeded", "queued", "skipped", "failed")


class DayRange(RangeDateFilter):
    """From one day to another in UTC, both included."""

    def queryset(self, request: HttpRequest, queryset: EntryQuerySet) -> EntryQuerySet:
        first, last = (self.used_parameters.get(f"{self.parameter_name}_{end}") for end in ("from", "to"))
        try:
            if first:
                queryset = queryset.filter(at__gte=_midnight(date.fromisoformat(first)))
            if last:
                queryset = queryset.filter(at__lt=_midnight(date.fromisoformat(last) + timedelta(days=1)))
        except (ValueError, OverflowError):
            messages.error(request, "That is no date; write days as 2026-03-10.")
            return queryset.none()
        return queryset


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)


class _Exact:
    """Compares the column that is named like the parameter."""

    parameter_name: ClassVar[str]

    def queryset(self, request: HttpRequest, queryset: EntryQuerySet) -> EntryQuerySet:
        value: str | None = self.value()  # type: ignore[attr-defined]  # of Django's SimpleListFilter
        if not value:
            return queryset
        if "\x00" in value:
            return queryset.none()
        return queryset.filter(**{self.parameter_name: value})


class ActionFilter(_Exact, DropdownFilter):
    """The actions that the log has entries for."""

    title = "action"
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        return [(name, name) for name in action_names()]


class OutcomeFilter(_Exact, DropdownFilter):
    """What became of a firing."""

    title = "outcome"
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        return [(name, name) for name in OUTCOMES]


class TriggerFilter(_Exact, TextFilter):
    """One trigger's id."""

    title = "trigger"
    parameter_name = "trigger_id"


class CustomerFilter(_Exact, TextFilter):
    """One customer's id."""

    title = "customer"
    parameter_name = "customer_id"


class EventTypeFilter(_Exact, TextFilter):
    """One type of event."""

    title = "event type"
    parameter_name = "event_type"


class ActorFilter(_Exact, TextFilter):
    """One user, key, or `system`."""

    title = "actor"
    parameter_name = "actor"
