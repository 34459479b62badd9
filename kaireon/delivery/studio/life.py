"""What happened to a delivery, in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from kaireon.delivery.models import Attempt, Delivery, Kind, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that happened, or is going to. `at` is None where the moment was not kept."""

    title: str
    tone: str
    text: str = ""
    at: datetime | None = None
    is_ahead: bool = False


def last_answer(delivery: Delivery) -> str:
    """What came of the last attempt."""
    if delivery.attempts == 0:
        return "Not tried yet"
    if delivery.last_error:
        return delivery.last_error
    if delivery.status == Status.DELIVERED or delivery.last_status is not None:
        if delivery.kind == Kind.EMAIL:
            return "Taken by the mail server"
        return f"Answered {delivery.last_status}"
    return "Under way"


def life_of(delivery: Delivery, attempts: Sequence[Attempt]) -> list[Step]:
    """From the queue to where it stands, the first thing first."""
    steps = [Step(title="Queued", tone="info", at=delivery.created_at)]
    steps += [_tried(attempt, delivery) for attempt in attempts]
    match delivery.status:
        case Status.DELIVERED:
            steps.append(Step(title="Delivered", tone="good", at=delivery.delivered_at))
        case Status.PENDING:
            asked = "Asked for by hand. " if delivery.is_redelivery else ""
            number = f"attempt {delivery.attempts + 1}"
            text = f"{asked}Its trigger or journey is asked before: paused holds it, disabled or deleted cancels it."
            steps.append(
                Step(title=f"Next: {number}", tone="info", at=delivery.next_attempt_at, text=text, is_ahead=True)
            )
        case Status.HELD:
            steps.append(Step(title="Held", tone="warning", text=delivery.reason))
        case Status.CANCELLED:
            steps.append(Step(title="Cancelled", tone="muted", text=delivery.reason))
        case Status.DEAD:
            steps.append(Step(title="Given up", tone="bad", text=delivery.reason))
    return steps


def _tried(attempt: Attempt, delivery: Delivery) -> Step:
    by_hand = ", asked for by hand" if attempt.manual else ""
    title = f"Attempt {attempt.number}{by_hand}"
    if attempt.error:
        return Step(title=title, tone="bad", text=attempt.error, at=attempt.started_at)
    answer = "Taken by the mail server." if delivery.kind == Kind.EMAIL else f"Answered {attempt.response_status}."
    return Step(title=title, tone="good", text=answer, at=attempt.started_at)
