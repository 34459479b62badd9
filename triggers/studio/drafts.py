"""A form that need not be finished, as a trigger: what its sentence says of it, and what it would do with an event."""

from collections.abc import Mapping
from typing import Any

from kaireon.core.errors import ApiError, Detail
from kaireon.studio.pages import problems_as_details
from triggers.definition import read_definition
from triggers.models import Status, Trigger
from triggers.studio.form_fields import TriggerForm

_STAND_INS = {"name": "Untitled trigger", "eventType": "event"}
"""In the place of what a trigger needs to be saved, and not to be tried out."""

_NEEDED = frozenset({"eventType", "condition", "actionType", "actionConfig"})


def read_values(form: TriggerForm) -> dict[str, Any] | None:
    """The checked values of a form that is to be saved. None where it has problems, which stand at its fields then."""
    can_be_read = form.is_valid()
    values, problems = _read(form.body())
    form.show(problems)
    return values if can_be_read else None


def read_runnable(form: TriggerForm, *, without: frozenset[str] = frozenset()) -> Trigger | None:
    """The form as an unsaved trigger that can be tried out; its problems stand at its fields.

    A name, a number or the like that is missing keeps nobody from trying the rest, and neither do the keys of the body
    in `without`; a broken condition or action does, and None is answered. It is active: what is asked is what it would
    do once it is on.
    """
    form.is_valid()
    body = {**_STAND_INS, **form.body()}
    values, problems = _read(body)
    form.show(problems)
    wrong = _wrong_parts(form, problems)
    if wrong & (_NEEDED - without):
        return None
    if values is None:
        values, _ = _read({**_STAND_INS, **_without(body, wrong)})
    if values is None:
        return None
    fields = _without(values, {"id", "version", "status"})
    return Trigger(id=form.stored.pk if form.stored else "", **fields, status=Status.ACTIVE)


def as_typed(form: TriggerForm) -> Trigger:
    """What can be read of the form, unchecked: to be spoken of, never to be run.

    A priority that can't be read is None.
    """
    form.is_valid()
    body = form.body()
    spoken_of: dict[str, Any] = {
        "name": body.get("name", ""),
        "event_type": body.get("eventType", ""),
        "condition": body.get("condition", {}),
        "action_type": body.get("actionType", ""),
        "action_config": body.get("actionConfig", {}),
        "priority": body.get("priority"),
        "cooldown_ms": body.get("cooldownMs", 0),
    }
    return Trigger(**spoken_of)


def _read(body: Mapping[str, Any]) -> tuple[dict[str, Any] | None, list[Detail]]:
    try:
        with problems_as_details():
            return read_definition(body), []
    except ApiError as error:
        return None, error.details or [Detail("", error.message)]


def _wrong_parts(form: TriggerForm, problems: list[Detail]) -> set[str]:
    """The keys of the body that have a problem."""
    wrong = {problem.field.replace("[", ".").split(".", 1)[0] for problem in problems}
    if form.action is None:
        wrong.add("actionType")
    elif not form.action.is_valid():
        wrong.add("actionConfig")
    for name, key in (("condition", "condition"), ("event_type", "eventType")):
        if name in form.errors:
            wrong.add(key)
    return wrong


def _without(mapping: Mapping[str, Any], keys: set[str]) -> dict[str, Any]:
    return {key: value for key, value in mapping.items() if key not in keys}
