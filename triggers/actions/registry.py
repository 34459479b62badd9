"""The types of action, found by their modules in this package."""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from typing import Any

import triggers.actions
from kaireon.core.errors import ValidationFailed
from triggers.actions.base import Action

_NO_ACTIONS = {"base", "registry"}


@cache
def actions() -> Mapping[str, Action[Any]]:
    """Every type by its name. A module of this package that defines a subclass of Action is a type."""
    found: dict[str, Action[Any]] = {}
    for name in sorted(module.name for module in pkgutil.iter_modules(triggers.actions.__path__)):
        if name not in _NO_ACTIONS:
            module = importlib.import_module(f"{triggers.actions.__name__}.{name}")
            for defined in vars(module).values():
                if isinstance(defined, type) and issubclass(defined, Action) and defined.__module__ == module.__name__:
                    found[defined.action_type] = defined()
    return found


def find(action_type: str) -> Action[Any]:
    """The action of that type. Raises ValidationFailed at `actionType`, with what there is to choose from."""
    action = actions().get(action_type)
    if action is not None:
        return action
    raise ValidationFailed.at("actionType", f"must be {' or '.join(actions())}, not {action_type!r}.")
