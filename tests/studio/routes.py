"""Studio's routes as the URL conf has them, and how to visit them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

STUDIO = "studio/"
METHODS = ("GET", "POST")
_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")


@dataclass(frozen=True, slots=True)
class Route:
    """One pattern below /studio/."""

    name: str
    pattern: str
    methods: tuple[str, ...]

    @property
    def parameters(self) -> list[str]:
        """The names of what stands in the path."""
        return _PARAMETER.findall(self.pattern)

    def path(self, values: Mapping[str, str] | None = None) -> str:
        """The path with each parameter's value; `missing` where there is none."""
        return f"/{STUDIO}{_PARAMETER.sub(lambda match: (values or {}).get(match[1], 'missing'), self.pattern)}"


def all_routes() -> list[Route]:
    """Every route below /studio/, in the order of their patterns."""
    return sorted(set(_found()), key=lambda route: (route.pattern, route.name))


def _found() -> Iterator[Route]:
    for entry in get_resolver().url_patterns:
        if not str(entry.pattern).startswith(STUDIO):
            continue
        if isinstance(entry, URLPattern):
            yield _route(str(entry.pattern).removeprefix(STUDIO), entry)
        else:
            yield from _below(entry)


def _below(resolver: URLResolver) -> Iterator[Route]:
    for entry in resolver.url_patterns:
        assert isinstance(entry, URLPattern), "Routes of Studio are one level deep."
        yield _route(str(entry.pattern), entry)


def _route(pattern: str, entry: URLPattern) -> Route:
    view: Any = getattr(entry.callback, "view_class", None)
    methods = ("GET",) if view is None else tuple(method for method in METHODS if hasattr(view, method.lower()))
    return Route(entry.name or "", pattern, methods)


ROUTES = all_routes()
CALLS = [(route, method) for route in ROUTES for method in route.methods]


def name_of(value: Any) -> str | None:
    """The name of a test's parameter."""
    if isinstance(value, Route):
        return value.name
    return value if isinstance(value, str) else None
