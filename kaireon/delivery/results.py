"""What came of attempts: recorded in bulk, and the deliveries moved on."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection, transaction

from audit.log import NewEntry, record
from kaireon.core.copy_rows import copy_rows
from kaireon.delivery import telling
from kaireon.delivery.circuits import Seen, Sign, observe
from kaireon.delivery.models import Attempt, Delivery, Status
from kaireon.delivery.retries import Verdict, wait_seconds
from kaireon.delivery.scrubbing import scrub

EXCERPT_CHARACTERS = 1024

_ATTEMPT_COLUMNS = (
    "delivery_id",
    "number",
    "started_at",
    "duration_ms",
    "response_status",
    "response_excerpt",
    "error",
    "manual",
)

# A lease that is no longer ours has run out, and somebody else has the delivery: it is theirs to move on. One that was
# cancelled on the way stays cancelled, unless it arrived.
_MOVES = "(result.status = 'delivered' OR delivery.status = 'pending')"
_MOVE_ON = f"""
    UPDATE delivery_delivery delivery
       SET status = CASE WHEN {_MOVES} THEN result.status ELSE delivery.status END,
           reason = CASE WHEN {_MOVES} THEN result.reason ELSE delivery.reason END,
           next_attempt_at = CASE WHEN {_MOVES} THEN result.next_attempt_at ELSE delivery.next_attempt_at END,
           retries = result.retries,
           last_status = result.last_status,
           last_error = result.last_error,
           delivered_at = result.delivered_at,
           is_redelivery = false,
           leased_until = NULL
      FROM unnest(%s::text[], %s::timestamptz[], %s::text[], %s::text[], %s::timestamptz[], %s::smallint[],
                  %s::smallint[], %s::text[], %s::timestamptz[])
        AS result(id, leased_until, status, reason, next_attempt_at, retries, last_status, last_error, delivered_at)
     WHERE delivery.id = result.id AND delivery.leased_until = result.leased_until
    RETURNING delivery.id, delivery.status
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One attempt that has ended. `secrets` are those that were sent, to be taken out of `excerpt` and `error`.

    `sign` is what it says about the receiver's host.
    """

    delivery: Delivery
    started_at: datetime
    duration_ms: float
    verdict: Verdict
    sign: Sign = Sign.NOTHING
    error: str = ""
    response_status: int | None = None
    excerpt: bytes = b""
    is_cut: bool = False
    retry_after_seconds: float | None = None
    secrets: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Step:
    """Where a delivery goes from here."""

    status: Status
    reason: str
    next_attempt_at: datetime | None
    retries: int
    error: str
    delivered_at: datetime | None


@transaction.atomic
def record_results(results: Sequence[Result], *, now: datetime) -> None:
    """Stores the attempts, moves their deliveries and circuits on, and audits those that are given up."""
    if not results:
        return
    steps = [_step(result, now) for result in results]
    copy_rows(
        Attempt,
        _ATTEMPT_COLUMNS,
        [_attempt_row(result, step.error) for result, step in zip(results, steps, strict=True)],
    )
    with connection.cursor() as cursor:
        cursor.execute(
            _MOVE_ON,
            [
                [result.delivery.pk for result in results],
                [result.delivery.leased_until for result in results],
                [step.status.value for step in steps],
                [step.reason for step in steps],
                [step.next_attempt_at for step in steps],
                [step.retries for step in steps],
                [result.response_status for result in results],
                [step.error for step in steps],
                [step.delivered_at for step in steps],
            ],
        )
        dead = {delivery_id for delivery_id, status in cursor.fetchall() if status == Status.DEAD}
    observe(
        [
            Seen(
                host=result.delivery.host,
                delivery_id=result.delivery.pk,
                leased_until=result.delivery.leased_until,
                started_at=result.started_at,
                sign=result.sign,
                error=step.error,
            )
            for result, step in zip(results, steps, strict=True)
        ],
        now=now,
    )
    record(
        *(_obituary(result, step) for result, step in zip(results, steps, strict=True) if result.delivery.pk in dead)
    )
    told = [
        telling.Attempted(
            delivery=result.delivery,
            status=step.status,
            response_status=result.response_status,
            error=step.error,
            is_final=result.verdict is Verdict.FINAL,
            duration_ms=result.duration_ms,
        )
        for result, step in zip(results, steps, strict=True)
    ]
    transaction.on_commit(lambda: telling.attempted(told, now=now), robust=True)


def _step(result: Result, now: datetime) -> _Step:
    delivery = result.delivery
    error = scrub(result.error, result.secrets)
    if result.verdict is Verdict.DELIVERED:
        return _Step(Status.DELIVERED, "", None, delivery.retries, "", now)
    if result.verdict is Verdict.FINAL:
        return _Step(Status.DEAD, error, None, delivery.retries, error, None)
    wait = wait_seconds(
        retries=delivery.retries, retry_after_seconds=result.retry_after_seconds, jitter=random.random()
    )
    if wait is None:
        reason = f"Given up after {delivery.retries + 1} attempts. {error}"
        return _Step(Status.DEAD, reason, None, delivery.retries, error, None)
    return _Step(Status.PENDING, "", now + timedelta(seconds=wait), delivery.retries + 1, error, None)


def _attempt_row(result: Result, error: str) -> tuple[object, ...]:
    return (
        result.delivery.pk,
        result.delivery.attempts,
        result.started_at,
        result.duration_ms,
        result.response_status,
        _shown(result),
        error,
        result.delivery.is_redelivery,
    )


def _shown(result: Result) -> str:
    text = result.excerpt.decode(errors="replace").replace("\x00", "")
    return scrub(text, result.secrets, is_cut=result.is_cut)[:EXCERPT_CHARACTERS]


def _obituary(result: Result, step: _Step) -> NewEntry:
    delivery = result.delivery
    return NewEntry(
        action="delivery.dead",
        subject=delivery.pk,
        trigger_id=delivery.trigger_id or "",
        customer_id=delivery.customer_id or "",
        event_id=delivery.event_id,
        outcome="failed",
        facts={
            "firingId": delivery.firing_id,
            "status": result.response_status,
            "attempts": delivery.attempts,
            "lastError": step.error,
            "reason": step.reason,
        },
    )
