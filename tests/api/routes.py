"""The API's routes as the URL conf has them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, get_resolver
from rest_framework.generics import ListAPIView

API = "api/v1/"
# Tests make a trigger and a schema of this id; anything else that could have it does not exist.
HERE = "here"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")


@dataclass(frozen=True, slots=True)
class Route:
    """One pattern below /api/v1/, such as `triggers/<str:trigger_id>`."""

    pattern: str
    view: Any
    methods: tuple[str, ...]

    def path(self, identifier: str = HERE) -> str:
        """The path with every id set to `identifier`, which stands in it as it is."""
        return f"/{API}{_PARAMETER.sub(identifier, self.pattern)}"

    def paths_with(self, odd: str) -> Iterator[str]:
        """The path once for each id in it, with `odd` in that place and HERE in the others."""
        parts = _PARAMETER.split(self.pattern)[::2]
        for place in range(1, len(parts)):
            before, after = HERE.join(parts[:place]), HERE.join(parts[place:])
            yield f"/{API}{before}{odd}{after}"

    @property
    def is_list(self) -> bool:
        """Whether GET answers in pages."""
        return issubclass(self.view, ListAPIView)


def all_routes() -> list[Route]:
    """Every route below /api/v1/, in the order of their patterns."""
    found = [
        _route(str(inner.pattern).removeprefix(API) if not outer else str(inner.pattern), inner)
        for outer, inner in _patterns()
    ]
    return sorted(found, key=lambda route: route.pattern)


def _patterns() -> Iterator[tuple[str, URLPattern]]:
    for entry in get_resolver().url_patterns:
        if not str(entry.pattern).startswith(API):
            continue
        if isinstance(entry, URLPattern):
            yield "", entry
        else:
            for inner in entry.url_patterns:
                assert isinstance(inner, URLPattern), "Routes of the API are one level deep."
                yield API, inner


def _route(pattern: str, entry: URLPattern) -> Route:
    view: Any = entry.callback.view_class  # type: ignore[attr-defined]  # every route of the API is a class
    return Route(pattern, view, tuple(method for method in METHODS if hasattr(view, method.lower())))


ROUTES = all_routes()
CALLS = [(route, method) for route in ROUTES for method in route.methods]


def name_of(value: Any) -> str | None:
    """The name of a test's parameter."""
    if isinstance(value, Route):
        return value.pattern
    return value if isinstance(value, str) else None
