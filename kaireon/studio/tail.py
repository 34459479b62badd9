"""Lists that go on by themselves: every two seconds a script asks for what is newer than all that it has seen."""

from datetime import datetime, timedelta
from typing import Any, ClassVar, TypeVar

from django import forms
from django.db.models import Field, Model
from django.http import HttpRequest, HttpResponse

from kaireon.core import clock
from kaireon.core.counting import capped_count
from kaireon.studio.lists import EndlessList

RowT = TypeVar("RowT", bound=Model)
AT_ONCE = 50
MOST_COUNTED = 1000
SETTLING = timedelta(seconds=1)
"""Keys are drawn before rows are committed, so the newest rows may not be all there yet. They are shown a second later,
and nothing slips in behind what was looked at."""


class LiveList(EndlessList[RowT]):
    """An endless list whose one key, the primary key, grows with time.

    `?after=<key>` answers with a fragment: the newest rows behind that key that fit the filters, at most 50, how many
    more there are, and the key to ask with the next time. Each look reads only what came since the one before.
    `&row=<key>` asks for a row once more, whether it fits or not: one that was still under way when it was shown.
    """

    arrived: ClassVar[str]
    """The column that says when a row was written."""
    tail_template: ClassVar[str]

    newest: str = ""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        # Before the rows: what comes in between is shown twice rather than never.
        self.newest = self._newest(now=clock.now())
        return self._tail() if "after" in request.GET else super().get(request, *args, **kwargs)

    def is_live(self) -> bool:
        """Whether new rows belong on top of this page: not where it shows older ones."""
        return not self.request.GET.get("before")

    def _tail(self) -> HttpResponse:
        rows, _ = self.filtered()
        fresh = rows
        if (after := self._key(self.request.GET["after"])) is not None:
            fresh = fresh.filter(pk__gt=after)
        # Nothing is there yet, or nothing has settled: the whole of it may come.
        fresh = fresh.filter(pk__lte=self._key(self.newest)) if self.newest else fresh.none()
        shown = list(fresh.order_by("-pk")[: AT_ONCE + 1])
        more = 0
        if len(shown) > AT_ONCE:
            shown = shown[:AT_ONCE]
            more = capped_count(fresh, most=AT_ONCE + MOST_COUNTED) - AT_ONCE
        again = [row for row in self._asked_again() if row.pk not in {one.pk for one in shown}]
        return self.render(
            {
                "rows": [*shown, *again],
                "new_count": len(shown),
                "more": more,
                "is_more_than_counted": more > MOST_COUNTED,
                "newest": self.newest or self.request.GET["after"],
                **self.decorate([*shown, *again]),
            },
            template=self.tail_template,
        )

    def _asked_again(self) -> list[RowT]:
        keys = [self._key(text) for text in self.request.GET.getlist("row")[:AT_ONCE]]
        wanted = [key for key in keys if key is not None]
        return list(self.rows().filter(pk__in=wanted)) if wanted else []

    def _newest(self, *, now: datetime) -> str:
        settled = self.rows().model._default_manager.filter(**{f"{self.arrived}__lt": now - SETTLING})
        key = settled.order_by("-pk").values_list("pk", flat=True).first()
        return "" if key is None else str(key)

    def _key(self, text: str) -> Any:
        """None for what can't be a key."""
        key: Field[Any, Any] = self.rows().model._meta.pk
        try:
            return key.to_python(text) if text and "\0" not in text else None
        except forms.ValidationError:
            return None
