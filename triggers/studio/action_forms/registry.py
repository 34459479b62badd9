"""The forms of actions, found by their modules in this package."""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache

import triggers.studio.action_forms
from triggers.studio.action_forms.base import ActionForm

_NO_FORMS = {"base", "registry", "rows"}


@cache
def action_forms() -> Mapping[str, type[ActionForm]]:
    """The form of every type by its name, in the order of their modules."""
    package = triggers.studio.action_forms
    found: dict[str, type[ActionForm]] = {}
    for name in sorted(module.name for module in pkgutil.iter_modules(package.__path__)):
        if name not in _NO_FORMS:
            module = importlib.import_module(f"{package.__name__}.{name}")
            for defined in vars(module).values():
                is_form = isinstance(defined, type) and issubclass(defined, ActionForm)
                if is_form and defined.__module__ == module.__name__:
                    found[defined.action_type] = defined
    return found
