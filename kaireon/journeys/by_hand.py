"""Enrolling by the API: one or up to 1000 customers, all in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import OperationalError, transaction
from psycopg import errors

from audit.log import NewEntry, record
from kaireon.core.errors import Conflict, ServiceUnavailable
from kaireon.customers.working_set import WorkingSet
from kaireon.journeys.enrolling import Answer, Deduplication, Enrolled, Refused, Request, enrol
from kaireon.journeys.lifecycle import find_journey
from kaireon.journeys.models import Journey

MAX_CUSTOMERS = 1000
_TRIES = 4


@dataclass(frozen=True, slots=True)
class Enrolling:
    """What became of the customers, in their order."""

    journey: Journey
    customer_ids: Sequence[str]
    answers: Sequence[Answer]

    @property
    def enrolled_count(self) -> int:
        """How many were taken in."""
        return sum(isinstance(answer, Enrolled) for answer in self.answers)


def enrol_customers(
    *, journey_id: str, customer_ids: Sequence[str], deduplication: Deduplication, now: datetime
) -> Enrolling:
    """Takes the customers in. Raises NotFound, or Conflict where the journey is not active: nobody is taken in then."""
    for _ in range(_TRIES):
        try:
            return _enrol(journey_id, customer_ids, deduplication, now=now)
        except OperationalError as error:
            # Workers lock the same customers' records in the order in which their nodes need them, and PostgreSQL ends
            # a deadlock by breaking one of the two.
            if not isinstance(error.__cause__, errors.DeadlockDetected):
                raise
    raise ServiceUnavailable("Others are changing the same customers; send the request again.")


@transaction.atomic
def _enrol(journey_id: str, customer_ids: Sequence[str], deduplication: Deduplication, *, now: datetime) -> Enrolling:
    journey = find_journey(journey_id)
    requests = [
        Request(journey_id=journey_id, customer_id=customer_id, deduplication=deduplication)
        for customer_id in customer_ids
    ]
    done = Enrolling(journey, customer_ids, enrol(requests, records=WorkingSet(now=now), now=now))
    for answer in done.answers:
        if isinstance(answer, Refused):
            raise Conflict(f"Nobody can be enrolled: {answer.reason}. Only an active journey takes customers in.")
    enrolled = done.enrolled_count
    facts = {"enrolled": enrolled, "skipped": len(customer_ids) - enrolled, "deduplication": deduplication.value}
    record(
        NewEntry(
            action="journey.enrolled",
            subject=journey_id,
            customer_id=customer_ids[0] if len(customer_ids) == 1 else "",
            facts=facts,
            at=now,
        )
    )
    return done
