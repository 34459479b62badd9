"""Every route of the URL conf, whoever brought it, so that a new one can't be overlooked."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.urls import URLPattern, URLResolver, get_resolver

from tests.api.routes import METHODS

_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")


@dataclass(frozen=True, slots=True)
class AnyRoute:
    """One pattern, such as `admin/audit/entry/<path:object_id>/change/`, with the view behind it."""

    pattern: str
    view: Any

    def path(self, identifier: str = "0") -> str:
        """The path with every parameter set to `identifier`."""
        text = _PARAMETER.sub(identifier, self.pattern)
        # Patterns that are regular expressions: Django admin's app list, and its catch-all.
        text = re.sub(r"\(\?P<\w+>([^|)]*)[^)]*\)", r"\1", text).replace("(?P<url>.*)", "nothing")
        return "/" + text.replace("^", "").replace("$", "").replace(".*", "nothing")

    @property
    def is_api(self) -> bool:
        """Whether programs call it; tests/api has the tables for those."""
        return self.pattern.startswith("api/")

    @property
    def is_admin(self) -> bool:
        """Whether it is one of Django admin's pages."""
        return self.pattern.startswith("admin/")


def _walk(entries: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[AnyRoute]:
    for entry in entries:
        pattern = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from _walk(entry.url_patterns, pattern)
        else:
            yield AnyRoute(pattern, entry.callback)


ROUTES = sorted(set(_walk(get_resolver().url_patterns)), key=lambda route: route.pattern)
ADMIN_MODELS = {f"{model._meta.app_label}/{model._meta.model_name}" for model in admin.site._registry}
UNSAFE = tuple(method for method in METHODS if method != "GET")
