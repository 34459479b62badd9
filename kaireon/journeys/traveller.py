"""An enrolment while it is being moved: its row in memory, what was noted on the way, and where it stands."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kaireon.core.clock import iso
from kaireon.journeys.models import EnrolmentStatus

Note = dict[str, Any]
"""One line of an enrolment's history: `{node, at, result, …}`."""

NO_RECOMMENDATION: Mapping[str, Any] = {
    "recommendationId": None,
    "decisionFlowId": None,
    "count": 0,
    "decisions": [],
}


@dataclass(slots=True, kw_only=True)
class Traveller:
    """Where a customer is in a journey. `notes` are the new lines of the history, to be added to the stored ones."""

    id: str
    journey_id: str
    customer_id: str
    node: str
    started_at: datetime
    expires_at: datetime
    status: str = EnrolmentStatus.ACTIVE
    reason: str = ""
    resume_at: datetime | None = None
    waiting_for: str = ""
    resumed_by: str = ""
    completed_at: datetime | None = None
    steps: int = 0
    event: Mapping[str, Any] = field(default_factory=dict)
    recommendation: Mapping[str, Any] | None = None
    recommendation_is_new: bool = False
    depth: int = 0
    notes: list[Note] = field(default_factory=list)

    @property
    def is_moving(self) -> bool:
        """Whether it goes on now: it neither waits nor has it ended."""
        return self.status == EnrolmentStatus.ACTIVE and self.resume_at is None

    @property
    def step_id(self) -> str:
        """Names the step that is being taken; the same on each try, and no other step's."""
        return f"{self.id}-{self.steps}"

    def note(self, result: str, *, at: datetime, **more: Any) -> None:
        """Adds a line to the history, about the node where it stands."""
        self.notes.append({"node": self.node, "at": iso(at), "result": result, **more})

    def decide(self, recommendation: Mapping[str, Any]) -> None:
        """Keeps a recommendation for later nodes."""
        self.recommendation = recommendation
        self.recommendation_is_new = True

    def wait(self, *, until: datetime, waiting_for: str) -> None:
        """Stays where it is until that moment, but not longer than the journey lasts."""
        self.resume_at = min(until, self.expires_at)
        self.waiting_for = waiting_for

    def go_on(self) -> None:
        """Whatever it has waited for, it waits no more."""
        self.resume_at = None
        self.waiting_for = ""
        self.resumed_by = ""

    def complete(self, *, reason: str, at: datetime) -> None:
        """It has come to an exit."""
        self._end(EnrolmentStatus.COMPLETED, reason=reason, at=at)

    def leave(self, *, reason: str, at: datetime) -> None:
        """It ends without an exit; the history says why as well."""
        self.note("exited", at=at, reason=reason)
        self._end(EnrolmentStatus.EXITED, reason=reason, at=at)

    def _end(self, status: EnrolmentStatus, *, reason: str, at: datetime) -> None:
        self.go_on()
        self.status = status
        self.reason = reason
        self.completed_at = at
