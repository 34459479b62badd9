"""What a trigger's action refers to: by name, with the way there, and whether it can still be used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Model
from django.urls import NoReverseMatch, reverse

from kaireon.customers.models import Schema
from kaireon.decisioning.models import Channel, DecisionFlow
from kaireon.journeys.models import Journey
from triggers.models import Trigger

ACTIVE = "active"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """`problem` is a sentence for the one who owns the trigger; empty where all is well."""

    kind: str
    id: str
    name: str
    url: str
    status: str
    problem: str


@dataclass(frozen=True, slots=True)
class _Kind:
    noun: str
    model: type[Model]
    route: str
    idle: str
    """What follows where it is there but not active."""


_KINDS: Mapping[str, _Kind] = {
    "journeyId": _Kind("journey", Journey, "studio-journey", "nobody is enrolled, and every firing fails"),
    "decisionFlowId": _Kind("decision flow", DecisionFlow, "studio-decision-flow", "every firing fails"),
    "channelId": _Kind("channel", Channel, "studio-channel", "nothing is sent, and every firing fails"),
    "schemaId": _Kind("schema", Schema, "", ""),
}


def targets_of(trigger: Trigger) -> Sequence[Target]:
    """The things that the action's config names, a query for each kind."""
    config: Mapping[str, Any] = trigger.action_config
    named = {key: config[key] for key in _KINDS if isinstance(config.get(key), str) and config[key]}
    if not config.get("deliverImmediately", True):
        named.pop("channelId", None)
    return [_target(_KINDS[key], target_id) for key, target_id in named.items()]


def _target(kind: _Kind, target_id: str) -> Target:
    row = kind.model._default_manager.filter(pk=target_id).first()
    status = str(getattr(row, "status", ACTIVE)) if row is not None else ""
    return Target(
        kind=kind.noun,
        id=target_id,
        name=str(row) if row is not None else target_id,
        url=_url(kind, target_id) if row is not None else "",
        status=status if hasattr(row, "status") else "",
        problem=_problem(kind, target_id, row, status),
    )


def _problem(kind: _Kind, target_id: str, row: Model | None, status: str) -> str:
    if row is None:
        return f"The {kind.noun} {target_id} is gone: every firing fails. Choose another one."
    if status != ACTIVE:
        return f"The {kind.noun} {row} is {status}: {kind.idle} until it is active."
    return ""


def _url(kind: _Kind, target_id: str) -> str:
    try:
        return reverse(kind.route, args=[target_id]) if kind.route else ""
    except NoReverseMatch:
        return ""
