"""Lists: filters, order and place in the address, so that a list can be bookmarked, sent to somebody and gone back to.

Two kinds. `NumberedList` has pages with numbers and a total, for tables of thousands. `EndlessList` is for tables of
millions: newest first, each page found by an index from where the last one ended, and never a count.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar, cast
from urllib.parse import urlencode

import django_filters
from django import forms
from django.core.paginator import Paginator
from django.db.models import Field, Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse

from kaireon.studio.pages import StudioPage

RowT = TypeVar("RowT", bound=Model)
PAGE_SIZE = 50
_BETWEEN_KEYS = "~"


class SearchFilter(django_filters.CharFilter):
    """The search box of a list: its first and widest filter."""

    def __init__(self, *, method: str, label: str) -> None:
        super().__init__(method=method, label=label, max_length=200)
        self.extra["widget"] = forms.TextInput(attrs={"type": "search", "placeholder": label})


class _List(StudioPage, ABC, Generic[RowT]):
    """What both kinds share."""

    filters: ClassVar[type[django_filters.FilterSet]]
    page_size: ClassVar[int] = PAGE_SIZE

    @abstractmethod
    def rows(self) -> QuerySet[RowT]:
        """All rows that the list may show, without order."""

    def decorate(self, rows: Sequence[RowT]) -> Mapping[str, Any]:
        """What else the template needs for the rows of one page, in a bounded number of queries."""
        return {}

    def filtered(self) -> tuple[QuerySet[RowT], django_filters.FilterSet]:
        """The rows that the address asks for; none where it asks for what can't be."""
        filterset = self.filters(self.request.GET, queryset=self.rows(), request=self.request)
        rows = filterset.qs if filterset.is_valid() else self.rows().none()
        return cast("QuerySet[RowT]", rows), filterset

    def address(self, **changes: str | int | None) -> str:
        """This list's address with some parameters changed; None takes one out. The others stay."""
        kept = {name: value for name, value in self.request.GET.items() if value != ""}
        for name, value in changes.items():
            kept.pop(name, None)
            if value is not None:
                kept[name] = str(value)
        return f"?{urlencode(kept)}" if kept else self.request.path

    def is_filtered(self, filterset: django_filters.FilterSet) -> bool:
        """Whether anything but order and place was asked for."""
        return any(self.request.GET.get(name) for name in filterset.form.fields)


class NumberedList(_List[RowT]):
    """`?page=2&sort=-name`. `sorts` has the columns of each order, unique ones last; the first order is the default."""

    sorts: ClassVar[Mapping[str, Sequence[str]]]

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        rows, filterset = self.filtered()
        default = next(iter(self.sorts))
        sort = request.GET.get("sort", default)
        rows = rows.order_by(*self.sorts.get(sort, self.sorts[default]))
        page = Paginator(rows, self.page_size).get_page(request.GET.get("page"))
        shown = list(page.object_list)
        context = {
            "rows": shown,
            "paging": page,
            "previous_url": self.address(page=page.previous_page_number()) if page.has_previous() else "",
            "next_url": self.address(page=page.next_page_number()) if page.has_next() else "",
            "filter_form": filterset.form,
            "is_filtered": self.is_filtered(filterset),
            "sort": sort if sort in self.sorts else default,
            "clear_url": request.path,
        }
        return self.render({**context, **self.decorate(shown)})

    def sort_url(self, column: str) -> str:
        """Where the heading of `column` leads: its order, or the other way round if it has that already."""
        now = self.request.GET.get("sort", next(iter(self.sorts)))
        wish = f"-{column}" if now == column and f"-{column}" in self.sorts else column
        if wish not in self.sorts:
            wish = f"-{column}"
        return self.address(sort=wish, page=None)


class EndlessList(_List[RowT]):
    """`?before=…`: what is older than the last row of the page before. `keys` are its columns of order, all falling;
    the last one is unique. An index must have them, behind whatever a filter fixes."""

    keys: ClassVar[Sequence[str]]

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        rows, filterset = self.filtered()
        before = request.GET.get("before", "")
        shown = self._page(rows, before)
        has_more = len(shown) > self.page_size
        shown = shown[: self.page_size]
        context = {
            "rows": shown,
            "older_url": self.address(before=self.place_of(shown[-1])) if has_more else "",
            "newest_url": self.address(before=None) if before else "",
            "filter_form": filterset.form,
            "is_filtered": self.is_filtered(filterset),
            "clear_url": request.path,
        }
        return self.render({**context, **self.decorate(shown)})

    def place_of(self, row: RowT) -> str:
        """The row's place in the order, as `before` takes it."""
        return _BETWEEN_KEYS.join(
            value.isoformat() if hasattr(value, "isoformat") else str(value)
            for value in (getattr(row, key) for key in self.keys)
        )

    def _page(self, rows: QuerySet[RowT], before: str) -> list[RowT]:
        """One row more than a page has, so that it is known whether there are older ones."""
        if before and (older := self._older_than(before)) is not None:
            rows = rows.filter(older)
        return list(rows.order_by(*(f"-{key}" for key in self.keys))[: self.page_size + 1])

    def _older_than(self, before: str) -> Q | None:
        """None for a place that nobody's address can have had."""
        texts = before.split(_BETWEEN_KEYS, len(self.keys) - 1)
        if len(texts) != len(self.keys) or "\0" in before:
            return None
        fields = [cast("Field[Any, Any]", self.rows().model._meta.get_field(key)) for key in self.keys]
        try:
            values = [field.to_python(text) for field, text in zip(fields, texts, strict=True)]
        except forms.ValidationError:
            return None
        older = Q(**{f"{self.keys[-1]}__lt": values[-1]})
        for key, value in reversed(list(zip(self.keys[:-1], values[:-1], strict=True))):
            # The first part alone is what the index is entered with.
            older = Q(**{f"{key}__lte": value}) & (Q(**{f"{key}__lt": value}) | older)
        return older
