"""What each page of Studio is built upon: signed in, allowed, framed, and with errors that people can read."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views import View
from rest_framework import serializers

from kaireon.accounts.models import User
from kaireon.accounts.permissions import DEFAULT_ABILITIES
from kaireon.accounts.roles import Ability, may
from kaireon.core.errors import ApiError, NotFound, ValidationFailed
from kaireon.core.rest.exceptions import flatten
from kaireon.studio.navigation import navigation

NO_ABILITY = "Your role may not do this. Ask an admin for a higher role, or to do it for you."


@dataclass(frozen=True, slots=True)
class Crumb:
    """One step of the way to a page; the last one has no URL."""

    title: str
    url: str = ""


class StudioPage(View):
    """A page: `title` and the `section` of the sidebar that it belongs to.

    `abilities` says what a role needs for a method, where it is not what the API asks for (GET reads, POST writes).
    An ApiError (or a ValidationError of DRF's) that a handler lets through is a page with its message and its status;
    NotFound is the page 404.
    """

    title: ClassVar[str] = ""
    section: ClassVar[str] = ""
    template_name: ClassVar[str]
    abilities: ClassVar[Mapping[str, Ability]] = {}

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return _to_sign_in(request)
        needed = {**DEFAULT_ABILITIES, **self.abilities}.get(request.method or "")
        if needed is not None and not may(self.role, needed):
            raise PermissionDenied(NO_ABILITY)
        try:
            with problems_as_details():
                return super().dispatch(request, *args, **kwargs)
        except NotFound as error:
            raise Http404(error.message) from None
        except ApiError as error:
            return self.render({"problem": error.message}, template="studio/problem.html", status=error.status)

    @property
    def role(self) -> str:
        """The role of who looks at the page."""
        user = self.request.user
        return user.role if isinstance(user, User) else ""

    def may(self, ability: Ability) -> bool:
        """Whether who looks at the page may do that."""
        return may(self.role, ability)

    def crumbs(self) -> Sequence[Crumb]:
        """The way here, without the page itself."""
        return ()

    def page_title(self) -> str:
        """What the page is called, in its heading and in the browser's tab."""
        return self.title

    def crumb_title(self) -> str:
        """What the page is called at the end of the way to it."""
        return self.page_title()

    def render(
        self, context: Mapping[str, Any] | None = None, *, template: str | None = None, status: int = 200
    ) -> HttpResponse:
        """The page with its frame."""
        return render(self.request, template or self.template_name, {**self.frame(), **(context or {})}, status=status)

    def frame(self) -> dict[str, Any]:
        """What templates/studio/base.html shows around the page. `may` has one entry for each ability."""
        return {
            "page": self,
            "title": self.page_title(),
            "crumbs": [*self.crumbs(), Crumb(self.crumb_title())],
            "navigation": navigation(self.request.user, current=self.section),
            "may": {ability.name.lower(): self.may(ability) for ability in Ability},
            "theme": self.request.COOKIES.get("theme", ""),
        }

    def done(self, message: str, url: str) -> HttpResponse:
        """Says that something was done, and leads on to where it can be seen."""
        messages.success(self.request, message)
        return self.lead_to(url)

    def failed(self, message: str, url: str) -> HttpResponse:
        """Says why something could not be done, and leads back."""
        messages.error(self.request, message)
        return self.lead_to(url)

    def lead_to(self, url: str) -> HttpResponse:
        """A redirect; for htmx a header, since it would follow a redirect by itself and swap in a whole page."""
        if self.request.headers.get("HX-Request"):
            return HttpResponse(status=204, headers={"HX-Redirect": url})
        return HttpResponseRedirect(url)

    def next_url(self, default: str) -> str:
        """Where the form came from, if it said so and the place is ours; else `default`."""
        wish = self.request.POST.get("next", "")
        is_ours = url_has_allowed_host_and_scheme(wish, allowed_hosts={self.request.get_host()})
        return wish if wish and is_ours else default


class ConfirmPage(StudioPage, ABC):
    """Asks before it acts: GET shows what would happen, POST does it.

    With scripts the question opens as a dialog over the page it was asked on (`data-dialog` on the link); without, it
    is a page of its own. `question()` answers what the template studio/confirm.html needs.
    """

    template_name = "studio/confirm.html"
    abilities: ClassVar[Mapping[str, Ability]] = {"GET": Ability.WRITE}

    @abstractmethod
    def question(self) -> "Question":
        """What is asked. Raises NotFound where there is nothing to ask about."""

    @abstractmethod
    def act(self) -> HttpResponse:
        """Does it, and leads on (`done`)."""

    def page_title(self) -> str:
        return self.question().title

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.render({"question": self.question()})

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            with problems_as_details():
                return self.act()
        except NotFound:
            raise
        except ApiError as error:
            return self.failed(error.message, self.next_url(self.question().back_url))


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """`button` is what the button says that does it; `fields` are sent along, hidden; `items` are listed by name."""

    title: str
    text: str
    button: str
    back_url: str
    is_destructive: bool = False
    items: Sequence[str] = ()
    fields: Sequence[tuple[str, str]] = ()


@contextmanager
def problems_as_details() -> Iterator[None]:
    """DRF's ValidationError, which bodies raise, as our own."""
    try:
        yield
    except serializers.ValidationError as error:
        raise ValidationFailed.of(flatten(error.detail)) from None


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    """The sign-in page, which leads back; a fragment that htmx asked for leads the whole page there."""
    if request.headers.get("HX-Request"):
        response = redirect_to_login(request.headers.get("HX-Current-URL", request.get_full_path()))
        return HttpResponse(status=204, headers={"HX-Redirect": response["Location"]})
    return redirect_to_login(request.get_full_path())
