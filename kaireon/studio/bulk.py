"""Doing something to many rows of a list: those that were ticked, or all that fit its filters."""

from abc import ABC, abstractmethod
from collections.abc import Collection
from typing import Any, ClassVar, Generic, TypeVar, cast

import django_filters
from django import forms
from django.db.models import Field, Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from kaireon.core.counting import capped_count
from kaireon.core.errors import ValidationFailed
from kaireon.studio import wording
from kaireon.studio.counting import counted
from kaireon.studio.pages import ConfirmPage, Question, StudioPage

RowT = TypeVar("RowT", bound=Model)
MOST_TICKED = 500


class Selection(StudioPage, ABC, Generic[RowT]):
    """A page about rows of a list: with `?id=…&id=…` those that were ticked, with `?which=all` all that fit.

    The form that leads here is `#bulk` in the list; its buttons are named `which`.
    """

    filters: ClassVar[type[django_filters.FilterSet]]
    list_route: ClassVar[str]
    own_parameters: ClassVar[Collection[str]] = ("id", "which", "before")
    """Those of the address that are not the list's."""

    @abstractmethod
    def rows(self) -> QuerySet[RowT]:
        """The rows to which it can be done at all."""

    def selected(self) -> QuerySet[RowT]:
        """Those that are meant. Raises ValidationFailed where the filters can't be read."""
        if not self.is_all():
            return self.rows().filter(pk__in=self._ticked())
        filterset = self.filters(self.request.GET, queryset=self.rows(), request=self.request)
        if not filterset.is_valid():
            raise ValidationFailed("The filters can't be read. Go back to the list and correct them.")
        return cast("QuerySet[RowT]", filterset.qs)

    def is_all(self) -> bool:
        """Whether all that fit the filters are meant, rather than those that were ticked."""
        return self.request.GET.get("which") == "all"

    def back_url(self) -> str:
        """The list with its filters."""
        kept = self.request.GET.copy()
        for name in self.own_parameters:
            kept.pop(name, None)
        query = kept.urlencode()
        return f"{reverse(self.list_route)}?{query}" if query else reverse(self.list_route)

    def _ticked(self) -> list[Any]:
        key: Field[Any, Any] = self.rows().model._meta.pk
        keys = []
        for text in self.request.GET.getlist("id")[:MOST_TICKED]:
            try:
                keys.append(key.to_python(text))
            except forms.ValidationError:
                continue
        return keys


class BulkPage(Selection[RowT], ConfirmPage):
    """Says how many rows are meant before it acts on them."""

    @abstractmethod
    def ask(self, number: int) -> Question:
        """The question about so many rows, as `capped_count` counts them; at least one."""

    @abstractmethod
    def carry_out(self, rows: QuerySet[RowT]) -> str:
        """Does it, in batches, and says what was done."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        number = capped_count(self.selected())
        if number == 0:
            return self.render({"text": self._why_none(), "back_url": self.back_url()}, template="studio/nothing.html")
        return self.render({"question": self.ask(number)})

    def question(self) -> Question:
        return self.ask(capped_count(self.selected()))

    def page_title(self) -> str:
        return self.title

    def act(self) -> HttpResponse:
        return self.done(self.carry_out(self.selected()), self.back_url())

    def which(self) -> str:
        """Which rows are meant, behind their number."""
        if not self.is_all():
            return " among those that you ticked"
        filtered = any(self.request.GET.get(name) for name in self.filters.base_filters)
        return " that fit the filters" if filtered else " in all"

    def tell(self, done: int, left: int, *, thing: str, things: str, what: str) -> str:
        """`3 events were queued again.`, and how many are left."""
        said = (
            f"1 {thing} was {what}." if done == 1 else f"{wording.count(done) if done else 'No'} {things} were {what}."
        )
        if left == 0:
            return said
        return f"{said} {counted(left).capitalize()} {'is' if left == 1 else 'are'} left; do it again for more."

    def _why_none(self) -> str:
        if self.is_all():
            return "Nothing that fits the filters is in a state for this."
        return "Tick rows in the list first. What you have ticked may be under way by now."
