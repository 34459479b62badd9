"""Doing something to many rows of a list: those that were ticked, or all that fit its filters."""

from abc import abstractmethod
from typing import Any, ClassVar, Generic, TypeVar, cast

import django_filters
from django import forms
from django.db.models import Field, Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from kaireon.core.errors import ValidationFailed
from kaireon.studio import wording
from kaireon.studio.counting import capped_count, counted
from kaireon.studio.pages import ConfirmPage, Question

RowT = TypeVar("RowT", bound=Model)
MOST_TICKED = 500


class BulkPage(ConfirmPage, Generic[RowT]):
    """`?id=…&id=…` for ticked rows, `?all=1` with the list's filters for all that fit. Says how many before it acts.

    The form that leads here is `#bulk` in the list; its buttons are named `which`.
    """

    filters: ClassVar[type[django_filters.FilterSet]]
    list_route: ClassVar[str]

    @abstractmethod
    def rows(self) -> QuerySet[RowT]:
        """The rows to which it can be done at all."""

    @abstractmethod
    def ask(self, number: int) -> Question:
        """The question about so many rows, as `capped_count` counts them; at least one."""

    @abstractmethod
    def carry_out(self, rows: QuerySet[RowT]) -> str:
        """Does it, in batches, and says what was done."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        number = capped_count(self._wanted())
        if number == 0:
            return self.render({"text": self._why_none(), "back_url": self.back_url()}, template="studio/nothing.html")
        return self.render({"question": self.ask(number)})

    def question(self) -> Question:
        return self.ask(capped_count(self._wanted()))

    def page_title(self) -> str:
        return self.title

    def _why_none(self) -> str:
        if self._is_all():
            return "Nothing that fits the filters is in a state for this."
        return "Tick rows in the list first. What you have ticked may be under way by now."

    def act(self) -> HttpResponse:
        return self.done(self.carry_out(self._wanted()), self.back_url())

    def which(self) -> str:
        """Which rows are meant, behind their number."""
        if not self._is_all():
            return " among those that you ticked"
        return " that fit the filters" if self._filters_given() else " in all"

    def back_url(self) -> str:
        """The list with its filters."""
        kept = self.request.GET.copy()
        for name in ("id", "which", "before"):
            kept.pop(name, None)
        query = kept.urlencode()
        return f"{reverse(self.list_route)}?{query}" if query else reverse(self.list_route)

    def tell(self, done: int, left: int, *, thing: str, things: str, what: str) -> str:
        """`3 events were queued again.`, and how many are left."""
        said = (
            f"1 {thing} was {what}." if done == 1 else f"{wording.count(done) if done else 'No'} {things} were {what}."
        )
        if left == 0:
            return said
        return f"{said} {counted(left).capitalize()} {'is' if left == 1 else 'are'} left; do it again for more."

    def _is_all(self) -> bool:
        return self.request.GET.get("which") == "all"

    def _filters_given(self) -> bool:
        return any(self.request.GET.get(name) for name in self.filters.base_filters)

    def _wanted(self) -> QuerySet[RowT]:
        if not self._is_all():
            return self.rows().filter(pk__in=self._ticked())
        filterset = self.filters(self.request.GET, queryset=self.rows(), request=self.request)
        if not filterset.is_valid():
            raise ValidationFailed("The filters can't be read. Go back to the list and correct them.")
        return cast("QuerySet[RowT]", filterset.qs)

    def _ticked(self) -> list[Any]:
        key: Field[Any, Any] = self.rows().model._meta.pk
        keys = []
        for text in self.request.GET.getlist("id")[:MOST_TICKED]:
            try:
                keys.append(key.to_python(text))
            except forms.ValidationError:
                continue
        return keys
