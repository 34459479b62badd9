"""Rows of any age, as the product would have left them."""

from datetime import timedelta
from itertools import count
from typing import Any

from kaireon.core import clock
from kaireon.core.ids import first_id_at
from kaireon.decisioning.models import InboxMessage, Interaction, Recommendation
from kaireon.delivery.models import Attempt, Delivery, Status
from kaireon.events.models import Event
from kaireon.journeys.models import Enrolment, EnrolmentStatus
from triggers.models import Firing

_numbers = count(1)


def event(days: float, **changes: Any) -> Event:
    """A processed event that came in so many days ago."""
    at = clock.now() - timedelta(days=days)
    values = {
        "event_id": f"e{next(_numbers)}",
        "event_type": "purchase",
        "customer_id": "cust_78",
        "occurred_at": at,
        "received_at": at,
        "source": "api",
        "lane": 0,
        "status": "processed",
    }
    return Event.objects.create(**{**values, **changes})


def delivery(days: float, status: Status = Status.DELIVERED, attempts: int = 1, **changes: Any) -> Delivery:
    """A delivery that was queued so many days ago; its attempts were made a minute later."""
    at = clock.now() - timedelta(days=days)
    number = next(_numbers)
    values = {
        "id": f"dlv_{number:026}",
        "created_at": at,
        "source": "trigger",
        "source_id": "trg_a",
        "firing_id": f"fir_{number}",
        "event_id": f"evt_{number}",
        "url": "https://shop.example/hook",
        "host": "shop.example:443",
        "method": "POST",
        "body": "{}",
        "status": status,
        "next_attempt_at": clock.now() + timedelta(hours=1) if status is Status.PENDING else None,
        "attempts": attempts,
    }
    made = Delivery.objects.create(**{**values, **changes})
    for attempt in range(1, attempts + 1):
        tried(made, days=days, number=attempt)
    return made


def tried(made: Delivery, *, days: float, number: int) -> Attempt:
    """An attempt of so many days ago."""
    at = clock.now() - timedelta(days=days) + timedelta(minutes=1)
    return Attempt.objects.create(delivery=made, number=number, started_at=at, duration_ms=1.0)


def firing(days: float, **changes: Any) -> Firing:
    """A firing of so many days ago, of a trigger that is gone."""
    number = next(_numbers)
    values = {
        "id": f"fir_{number}",
        "trigger_id": "trg_gone",
        "trigger_version": 1,
        "event_id": f"evt_of_{number}",
        "event_type": "purchase",
        "customer_id": "cust_78",
        "lane": 0,
        "action_type": "webhook",
        "outcome": "queued",
        "fired_at": clock.now() - timedelta(days=days),
        "duration_ms": 1.0,
    }
    return Firing.objects.create(**{**values, **changes})


def enrolment(days: float, status: EnrolmentStatus = EnrolmentStatus.COMPLETED, **changes: Any) -> Enrolment:
    """An enrolment that began a day before it ended, so many days ago."""
    ended = clock.now() - timedelta(days=days)
    began = ended - timedelta(days=1)
    values = {
        "id": _timed("enr_", days + 1),
        "journey_id": "jrn_gone",
        "journey_version": 1,
        "customer_id": f"cust_{next(_numbers)}",
        "status": status,
        "current_node": "end",
        "started_at": began,
        "completed_at": None if status is EnrolmentStatus.ACTIVE else ended,
        "expires_at": began + timedelta(days=365),
    }
    return Enrolment.objects.create(**{**values, **changes})


def recommendation(days: float, **changes: Any) -> Recommendation:
    """A recommendation of so many days ago."""
    values = {
        "id": _timed("rec_", days),
        "customer_id": "cust_78",
        "flow_id": "df_gone",
        "created_at": clock.now() - timedelta(days=days),
    }
    return Recommendation.objects.create(**{**values, **changes})


def outcome(days: float, **changes: Any) -> Interaction:
    """An outcome that was recorded so many days ago."""
    at = clock.now() - timedelta(days=days)
    interaction_id = _timed("int_", days)
    values = {
        "id": interaction_id,
        "idempotency_key": interaction_id,
        "fingerprint": "",
        "customer_id": "cust_78",
        "outcome": "click",
        "classification": "positive",
        "occurred_at": at,
        "recorded_at": at,
        "event_id": f"evt_{interaction_id}",
    }
    return Interaction.objects.create(**{**values, **changes})


def message(days: float, **changes: Any) -> InboxMessage:
    """A message that was put into an inbox so many days ago."""
    values = {
        "id": _timed("msg_", days),
        "customer_id": "cust_78",
        "title": "Hello",
        "body": "",
        "channel_id": "ch_gone",
        "created_at": clock.now() - timedelta(days=days),
    }
    return InboxMessage.objects.create(**{**values, **changes})


def _timed(prefix: str, days: float) -> str:
    """An id as it was made then; the last characters are random there, and counted here."""
    return first_id_at(prefix, clock.now() - timedelta(days=days))[:-6] + f"{next(_numbers):06}"
