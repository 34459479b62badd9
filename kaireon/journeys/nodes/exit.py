"""`exit`: the end of a path."""

from collections.abc import Mapping, Sequence
from typing import Any

from kaireon.core.rest import StrictSerializer, Text, validated
from kaireon.journeys.nodes.base import NodeType, Scope, Seen, Step, Walk

DEFAULT_REASON = "completed"


class ExitConfig(StrictSerializer):
    """Config of an exit."""

    reason = Text(required=False, max_length=255)


class Exit(NodeType[str]):
    """Whoever comes here has completed the journey, with this reason."""

    node_type = "exit"
    label = "Exit"
    config = ExitConfig

    def check(self, config: Mapping[str, Any]) -> dict[str, Any]:
        return validated(ExitConfig, config)

    def prepare(self, config: Mapping[str, Any]) -> str:
        return str(config.get("reason", DEFAULT_REASON))

    def run(self, steps: Sequence[Step[str]], scope: Scope) -> list[bool | None]:
        for step in steps:
            step.traveller.note("completed", at=scope.now, reason=step.prepared)
            step.traveller.complete(reason=step.prepared, at=scope.now)
        return [None] * len(steps)

    def look(self, prepared: str, walk: Walk) -> Seen:
        return Seen(f"ends: {prepared}", ends=prepared)
