"""List filters: parameters with JSON's camelCase names, matched exactly, and none ever ignored.

A view names its filters in `filterset_class`; parameters that it reads by itself it names in `query_parameters`.
"""

import difflib
import re
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.db.models import Model, QuerySet
from django_filters import filters
from django_filters.rest_framework import DjangoFilterBackend
from django_filters.utils import translate_validation
from drf_spectacular.utils import extend_schema_field
from rest_framework.request import Request

from kaireon.core.errors import Detail, ValidationFailed
from kaireon.core.rest.exceptions import flatten

if TYPE_CHECKING:  # DRF reads its settings, and so imports this module, while its views are being imported
    from rest_framework.views import APIView

_PAGING = ("limit", "offset")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d))?\Z", re.ASCII)
_PLUS_READ_AS_BLANK = re.compile(r"(T[\d:.]+) (\d\d:?\d\d)\Z", re.ASCII)
_LONGEST_NAME_ECHOED = 100


class StrictFilterBackend(DjangoFilterBackend):
    """Refuses a parameter that the list doesn't know, that is empty, or that stands there twice.

    A misspelt filter would otherwise show, or export, everything.
    """

    def filter_queryset(self, request: Request, queryset: QuerySet[Model], view: "APIView") -> QuerySet[Model]:
        filterset = self.get_filterset(request, queryset, view)
        known = [*(filterset.filters if filterset is not None else ()), *getattr(view, "query_parameters", ())]
        if getattr(view, "paginator", None) is not None:
            known += _PAGING
        problems = parameter_problems(request, known)
        if filterset is not None and not filterset.is_valid():
            problems += flatten(translate_validation(filterset.errors).detail)
        if problems:
            raise ValidationFailed.of(problems)
        return queryset if filterset is None else filterset.qs


def parameter_problems(request: Request, known: Collection[str]) -> list[Detail]:
    """What is wrong with the names and the number of the query's parameters; empty where nothing is."""
    problems = []
    for name, values in request.query_params.lists():
        if name not in known:
            problems.append(Detail(name[:_LONGEST_NAME_ECHOED], _unknown(name, known)))
        elif len(values) > 1:
            problems.append(Detail(name, "stands there more than once; give it one value."))
        elif not values[0]:
            problems.append(Detail(name, "is empty; give it a value, or leave it out."))
    return problems


def _unknown(name: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"is not a known parameter; did you mean {close[0]}?"
    return f"is not a known parameter; known are {', '.join(known)}." if known else "is not known; there are none here."


class TextFilter(filters.CharFilter):
    """Exactly this text, blanks at its ends included."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, strip=False, **kwargs)
        described = {"description": kwargs["help_text"]} if "help_text" in kwargs else {}
        extend_schema_field({"type": "string", "minLength": 1, **described})(self)


class OneOf(filters.ChoiceFilter):
    """One of `values`; anything else is refused."""

    def __init__(self, values: Sequence[str], **kwargs: Any) -> None:
        refusal = f"must be one of {', '.join(values)}."
        super().__init__(
            choices=[(value, value) for value in values], error_messages={"invalid_choice": refusal}, **kwargs
        )


class MomentField(forms.Field):
    """An aware datetime from an ISO 8601 date-time with an offset, or from a date, which begins at midnight UTC."""

    default_error_messages = {
        "invalid": "must be a date (2026-03-10) or a date-time with an offset (2026-03-10T14:30:00Z)."
    }

    def to_python(self, value: Any) -> datetime | None:
        if value in self.empty_values:
            return None
        # A "+" that wasn't escaped arrives as a blank; behind a time of day it can't have been anything else.
        text = _PLUS_READ_AS_BLANK.sub(r"\1+\2", str(value))
        if not _MOMENT.match(text):
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        try:
            moment = datetime.fromisoformat(text)
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (ValueError, OverflowError):  # the 30th of February; an offset that leads out of the calendar
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid") from None


class Since(filters.IsoDateTimeFilter):
    """From that moment on, which is included."""

    field_class = MomentField

    def __init__(self, field_name: str) -> None:
        super().__init__(
            field_name=field_name,
            lookup_expr="gte",
            help_text="From this moment on. A date-time with an offset, or a date (midnight UTC).",
        )


class Until(filters.IsoDateTimeFilter):
    """Before that moment, which is excluded: `until` of one page of time is `since` of the next."""

    field_class = MomentField

    def __init__(self, field_name: str) -> None:
        super().__init__(
            field_name=field_name,
            lookup_expr="lt",
            help_text="Before this moment. A date-time with an offset, or a date (midnight UTC).",
        )
