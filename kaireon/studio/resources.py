"""The pages that each kind of thing has: a list, one of them, a form, a switch of its status, and deleting.

A kind says what is its own (`Resource`); the pages are the same for all. Templates are found by the kind's name:
`studio/<slugs>/list.html`, `one.html` and `form.html`, which know it as `resource` and one of them as `row`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

import django_filters
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse

from kaireon.accounts.roles import Ability
from kaireon.core.errors import Conflict
from kaireon.studio.forms import BodyForm, FormPage
from kaireon.studio.lists import NumberedList
from kaireon.studio.pages import ConfirmPage, Crumb, Question, StudioPage

RowT = TypeVar("RowT", bound=Model)

SWITCHES: Mapping[str, tuple[str, str]] = {
    "active": ("play", "Activate"),
    "paused": ("pause", "Pause"),
    "disabled": ("ban", "Disable"),
    "archived": ("archive", "Archive"),
    "draft": ("pencil-ruler", "Back to draft"),
}
"""The icon and the word of the button that leads to a status."""


class Resource(ABC, Generic[RowT]):
    """One kind of thing. `slug` is its name in addresses (`decision-flow`), `noun` its name in sentences."""

    slug: ClassVar[str]
    slugs: ClassVar[str]
    noun: ClassVar[str]
    title: ClassVar[str]
    form_class: ClassVar[type[BodyForm]]
    filters: ClassVar[type[django_filters.FilterSet]]
    sorts: ClassVar[Mapping[str, Sequence[str]]]
    deleting: ClassVar[str]
    """What deleting one means for others, as a sentence or two."""

    @abstractmethod
    def rows(self) -> QuerySet[RowT]:
        """What the list shows."""

    @abstractmethod
    def find(self, row_id: str) -> RowT:
        """Raises NotFound."""

    @abstractmethod
    def create(self, body: Mapping[str, Any]) -> RowT:
        """A new one, from the API's body."""

    @abstractmethod
    def update(self, row_id: str, body: Mapping[str, Any]) -> RowT:
        """Changes what the body names."""

    @abstractmethod
    def delete(self, row_id: str) -> None:
        """Raises NotFound."""

    @abstractmethod
    def initial(self, row: RowT | None, request: HttpRequest) -> Mapping[str, Any]:
        """What the form holds at first: for a new one (None), or for changing `row`."""

    def next_statuses(self, row: RowT) -> Sequence[str]:
        """The statuses that buttons lead to from `row`; none where the kind has no status."""
        return ()

    def list_context(self, rows: Sequence[RowT]) -> Mapping[str, Any]:
        """What the list's template needs besides the rows of the page."""
        return {}

    def one_context(self, row: RowT, request: HttpRequest) -> Mapping[str, Any]:
        """What the template of one needs besides `row`."""
        return {}

    def form_context(self, form: BodyForm, row: RowT | None) -> Mapping[str, Any]:
        """What the form's template needs besides the form."""
        return {}

    def list_url(self) -> str:
        """Where the list is."""
        return reverse(f"studio-{self.slugs}")

    def url(self, row: RowT) -> str:
        """Where one of them is."""
        return reverse(f"studio-{self.slug}", args=[row.pk])

    def name_of(self, row: RowT) -> str:
        """What people call it."""
        return str(row)

    def urls(self) -> list[URLPattern]:
        """The routes of all pages, for the package's `studio/urls.py`."""
        one = f"{self.slugs}/<str:{self.slug.replace('-', '_')}_id>"
        return [
            path(self.slugs, ResourceList.as_view(resource=self), name=f"studio-{self.slugs}"),
            path(f"{self.slugs}/new", NewPage.as_view(resource=self), name=f"studio-{self.slug}-new"),
            path(one, OnePage.as_view(resource=self), name=f"studio-{self.slug}"),
            path(f"{one}/edit", EditPage.as_view(resource=self), name=f"studio-{self.slug}-edit"),
            path(f"{one}/status", StatusSwitch.as_view(resource=self), name=f"studio-{self.slug}-status"),
            path(f"{one}/delete", DeletePage.as_view(resource=self), name=f"studio-{self.slug}-delete"),
        ]


class _ResourcePage(StudioPage):
    """What the pages share: the kind, and the one that the address names."""

    resource: Resource[Any] = None  # type: ignore[assignment]  # given to as_view

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.section = self.resource.title  # type: ignore[misc]  # the kind's own
        self.row_id: str = next(iter(kwargs.values()), "")
        self.row: Any = None

    def load(self) -> Any:
        """The one that the address names. Raises NotFound."""
        if self.row is None:
            self.row = self.resource.find(self.row_id)
        return self.row

    def template(self, name: str) -> str:
        """The kind's own template."""
        return f"studio/{self.resource.slugs}/{name}.html"

    def frame(self) -> dict[str, Any]:
        return {**super().frame(), "resource": self.resource}

    def crumbs(self) -> list[Crumb]:
        way = [Crumb(self.resource.title, self.resource.list_url())]
        if self.row is not None and not isinstance(self, OnePage):
            way.append(Crumb(self.resource.name_of(self.row), self.resource.url(self.row)))
        return way


class ResourceList(_ResourcePage, NumberedList[Any]):
    """All of a kind."""

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.title = self.resource.title  # type: ignore[misc]
        self.filters = self.resource.filters  # type: ignore[misc]
        self.sorts = self.resource.sorts  # type: ignore[misc]
        self.template_name = self.template("list")  # type: ignore[misc]

    def crumbs(self) -> list[Crumb]:
        return []

    def rows(self) -> QuerySet[Any]:
        return self.resource.rows()

    def decorate(self, rows: Sequence[Any]) -> Mapping[str, Any]:
        return self.resource.list_context(rows)


class OnePage(_ResourcePage):
    """One of them."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        row = self.load()
        switches = [(status, *SWITCHES[status]) for status in self.resource.next_statuses(row)]
        context = {"row": row, "switches": switches, **self.resource.one_context(row, request)}
        return self.render(context, template=self.template("one"))

    def page_title(self) -> str:
        return self.resource.name_of(self.load())


class _ResourceForm(_ResourcePage, FormPage):
    """What the two forms share."""

    abilities: ClassVar[Mapping[str, Ability]] = {"GET": Ability.WRITE}

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.form_class = self.resource.form_class  # type: ignore[misc]
        self.template_name = self.template("form")  # type: ignore[misc]

    def initial(self) -> Mapping[str, Any]:
        return self.resource.initial(self.row, self.request)

    def more(self, form: BodyForm) -> Mapping[str, Any]:
        cancel_url = self.resource.list_url() if self.row is None else self.resource.url(self.row)
        return {"row": self.row, "cancel_url": cancel_url, **self.resource.form_context(form, self.row)}


class NewPage(_ResourceForm):
    """A new one."""

    def page_title(self) -> str:
        return f"New {self.resource.noun}"

    def save(self, form: BodyForm) -> HttpResponse:
        row = self.resource.create(form.body())
        return self.done(f"{self.resource.name_of(row)} was created.", self.resource.url(row))


class EditPage(_ResourceForm):
    """Changing one."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.load()
        return super().get(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.load()
        return super().post(request, *args, **kwargs)

    def page_title(self) -> str:
        return f"Edit {self.resource.name_of(self.load())}"

    def crumb_title(self) -> str:
        return "Edit"

    def save(self, form: BodyForm) -> HttpResponse:
        try:
            row = self.resource.update(self.row_id, form.body())
        except Conflict:
            if "version" not in form.fields:
                raise
            return self._meanwhile(form)
        return self.done(f"{self.resource.name_of(row)} was saved.", self.resource.url(row))

    def _meanwhile(self, form: BodyForm) -> HttpResponse:
        """Somebody else has saved: what was typed stays, and saving it once more is now meant."""
        self.row = self.resource.find(self.row_id)
        data = self.request.POST.copy()
        data["version"] = str(self.row.version)
        refused = self.form_class(data)
        refused.is_valid()
        return self.show(refused, status=409, more={"saved_meanwhile": self.row})


class StatusSwitch(_ResourcePage):
    """Changes the status alone."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        row = self.resource.update(self.row_id, {"status": request.POST.get("status", "")})
        return self.done(f"{self.resource.name_of(row)} is {row.status}.", self.resource.url(row))


class DeletePage(_ResourcePage, ConfirmPage):
    """Asks, and deletes."""

    abilities: ClassVar[Mapping[str, Ability]] = {"GET": Ability.DELETE, "POST": Ability.DELETE}

    def question(self) -> Question:
        row = self.load()
        return Question(
            title=f"Delete {self.resource.name_of(row)}?",
            text=self.resource.deleting,
            button=f"Delete {self.resource.noun}",
            back_url=self.resource.url(row),
            is_destructive=True,
        )

    def act(self) -> HttpResponse:
        self.resource.delete(self.row_id)
        return self.done(f"The {self.resource.noun} was deleted.", self.resource.list_url())
