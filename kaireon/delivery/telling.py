"""What is counted and logged of attempts: once for all that have ended together, when they are recorded."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from kaireon.core import trace
from kaireon.core.counters import Counter as SharedCounter
from kaireon.core.counters import Histogram
from kaireon.delivery import origins
from kaireon.delivery.models import Delivery, Kind, Status

logger = logging.getLogger("kaireon.batches")

OUTCOMES = {Status.DELIVERED: "delivered", Status.DEAD: "dead", Status.PENDING: "retry"}
ANSWERS = ("2xx", "3xx", "4xx", "5xx", "timeout", "network", "tls", "refused", "other")

ATTEMPTS = SharedCounter(
    "kaireon_delivery_attempts",
    "Attempts to deliver: what came of them, and how the host answered",
    {"kind": Kind.values, "outcome": tuple(OUTCOMES.values()), "answer": ANSWERS},
)
TO_DELIVERY = Histogram(
    "kaireon_event_to_delivery_seconds", "From an event's acceptance until its message is delivered"
)

# What stands in the sentences about failed attempts; a test makes real attempts fail in each of these ways.
_ANSWERS_BY_WORDS = (
    ("certificate is not trusted", "tls"),
    ("TLS handshake", "tls"),
    ("There was no answer within", "timeout"),
    ("There was no connection within", "timeout"),
    ("was too slow", "timeout"),
    ("does not resolve", "network"),
    ("refused the connection", "network"),
    ("closed the connection", "network"),
    ("could not be reached", "network"),
    ("There was no connection", "network"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempted:
    """One attempt that is recorded. `error` holds no secrets."""

    delivery: Delivery
    status: Status
    response_status: int | None
    error: str
    is_final: bool
    duration_ms: float


def attempted(attempts: Sequence[Attempted], *, now: datetime) -> None:
    """Tells of attempts that were recorded at `now`."""
    counts = Counter((one.delivery.kind, OUTCOMES[one.status], answer_of(one)) for one in attempts)
    for (kind, outcome, answer), count in counts.items():
        ATTEMPTS.add(count, kind=kind, outcome=outcome, answer=answer)
    delivered = [one.delivery for one in attempts if one.status is Status.DELIVERED]
    accepted_at = origins.accepted_at({delivery.event_id for delivery in delivered if delivery.event_id})
    TO_DELIVERY.observe(
        (now - accepted_at[delivery.event_id]).total_seconds()
        for delivery in delivered
        if delivery.event_id in accepted_at
    )
    failed = [one for one in attempts if one.status is not Status.DELIVERED]
    logger.info(
        "attempts",
        extra={
            "attempts": len(attempts),
            "delivered": len(delivered),
            "event_ids": trace.few(one.delivery.event_id for one in attempts),
            "delivery_ids": trace.few(one.delivery.pk for one in attempts),
            "failed": [
                {"delivery_id": one.delivery.pk, "outcome": OUTCOMES[one.status], "error": one.error}
                for one in failed[: trace.MOST_IDS]
            ],
        },
    )
    if trace.is_on():
        trace.write("attempted", [_line(one) for one in attempts])


def answer_of(one: Attempted) -> str:
    """The class of the host's answer; where there was none, why."""
    if one.response_status is not None:
        # A mail server that takes a message says 250; SMTP's 3xx asks for more, and never ends an attempt.
        answer = f"{one.response_status // 100}xx"
        return answer if answer in ANSWERS else "other"
    if one.status is Status.DELIVERED:
        return "2xx"
    if one.is_final:
        return "refused"
    return next((answer for words, answer in _ANSWERS_BY_WORDS if words in one.error), "other")


def _line(one: Attempted) -> dict[str, object]:
    delivery = one.delivery
    return {
        "event_id": delivery.event_id,
        "firing_id": delivery.firing_id,
        "delivery_id": delivery.pk,
        "attempt": delivery.attempts,
        "outcome": OUTCOMES[one.status],
        "response_status": one.response_status,
        "error": one.error,
        "duration_ms": one.duration_ms,
    }
