"""Walking through a journey without doing anything: what would happen to a customer with these attributes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kaireon.customers.models import Schema
from kaireon.journeys.advance import MAX_STEPS
from kaireon.journeys.compilation import compile_journey
from kaireon.journeys.models import Journey
from kaireon.journeys.nodes.base import Walk


@dataclass(frozen=True, slots=True)
class WalkedStep:
    """A node that was passed, and what would happen there."""

    node: str
    type: str
    result: str


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The way, and the reason with which it ends."""

    steps: list[WalkedStep]
    ends: str


def rehearse(
    journey: Journey, *, attributes: Mapping[str, Any], event: Mapping[str, Any] | None, now: datetime
) -> Rehearsal:
    """Walks from the entry to an exit. Waits are passed, flows are not asked, and nothing is sent or changed.

    What an `update` would change in the default schema counts for the splits behind it. A journey without nodes ends at
    once.
    """
    if not journey.definition:
        return Rehearsal([], "the journey has no nodes yet")
    compiled = compile_journey(journey)
    walk = Walk(
        attributes=dict(attributes),
        default_schema_id=Schema.objects.filter(is_default=True).values_list("pk", flat=True).first(),
        event=event or {},
        is_event_given=event is not None,
        now=now,
    )
    steps: list[WalkedStep] = []
    here: str | None = compiled.entry_id
    while here is not None and len(steps) < MAX_STEPS:
        node = compiled.nodes[here]
        seen = node.type.look(node.prepared, walk)
        steps.append(WalkedStep(node.id, node.type.node_type, seen.result))
        if seen.ends is not None:
            return Rehearsal(steps, seen.ends)
        here = node.ways.get(seen.when)
    return Rehearsal(steps, f"the walk was stopped after {MAX_STEPS} steps: it goes round in circles")
