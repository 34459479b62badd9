"""`enroll_journey`: takes the event's customer into a journey."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kaireon.core.errors import ValidationFailed
from kaireon.core.rest import Choice, IdText, StrictSerializer, validated
from kaireon.journeys.enrolling import (
    AlreadyActive,
    Answer,
    Deduplication,
    Enrolled,
    Refused,
    Request,
    enrol,
    why_nobody_is_taken_in,
)
from kaireon.journeys.models import Journey
from triggers.actions.base import Action, ActionFailed, Needs, Result, Scope, Work
from triggers.models import Outcome


class EnrollJourneyConfig(StrictSerializer):
    """actionConfig of enroll_journey."""

    journeyId = IdText()
    deduplication = Choice(list(Deduplication), default=Deduplication.SKIP_IF_ACTIVE)


@dataclass(frozen=True, slots=True)
class PreparedEnrolment:
    """Which journey, and what happens where the customer is in it already."""

    journey_id: str
    deduplication: Deduplication


class EnrollJourney(Action[PreparedEnrolment]):
    """The customer goes on to the journey's first wait, or its end, in the firing's transaction."""

    action_type = "enroll_journey"
    label = "Enrol in a journey"
    needs_customer = True
    config = EnrollJourneyConfig

    def check(self, config: Mapping[str, Any]) -> dict[str, Any]:
        values = validated(EnrollJourneyConfig, config)
        if not Journey.objects.filter(pk=values["journeyId"]).exists():
            raise ValidationFailed.at("journeyId", f"there is no journey {values['journeyId']!r}; see GET /journeys.")
        return values

    def prepare(self, config: Mapping[str, Any]) -> PreparedEnrolment:
        return PreparedEnrolment(config["journeyId"], Deduplication(config["deduplication"]))

    def needs(self, prepared: PreparedEnrolment) -> Needs:
        # Which schemas the nodes of a journey write is known to the journey alone, as it is at that moment.
        return Needs(reads_customer=True, may_write_any_schema=True)

    def execute(self, works: Sequence[Work[PreparedEnrolment]], scope: Scope) -> list[Result]:
        requests = [
            Request(
                journey_id=work.prepared.journey_id,
                customer_id=_customer(work),
                deduplication=work.prepared.deduplication,
                event=work.event_document,
                cause=work.firing_id,
                depth=work.event.depth,
            )
            for work in works
        ]
        return [_result(answer) for answer in enrol(requests, records=scope.records, now=scope.now)]

    def preview(self, work: Work[PreparedEnrolment], scope: Scope) -> Mapping[str, Any]:
        if reason := why_nobody_is_taken_in(work.prepared.journey_id):
            raise ActionFailed(reason)
        return {"journeyId": work.prepared.journey_id, "deduplication": work.prepared.deduplication.value}


def _result(answer: Answer) -> Result:
    match answer:
        case Enrolled():
            return Result(Outcome.SUCCEEDED, {"enrollmentId": answer.enrolment_id})
        case AlreadyActive():
            return Result(Outcome.SKIPPED, {"reason": "already active"})
        case Refused():
            return Result.failed(answer.reason)


def _customer(work: Work[PreparedEnrolment]) -> str:
    """The engine hands over no work without a customer, since `needs_customer` is set."""
    assert work.event.customer_id is not None
    return work.event.customer_id
