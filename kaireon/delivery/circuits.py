"""A circuit for each host: after failures in a row nothing is sent to it but one probe at a time, until it answers.

A receiver that is down would else hold threads for the length of a timeout each, and use up the retries of all that
waits for it. What waits behind an open circuit stays pending: no attempt is counted. The state is a row in PostgreSQL,
so that all delivery workers share it and a restart keeps it.

    closed      sends as ever; `failures` counts those in a row
    open        sends nothing before `probe_at`
    half open   `probe_at` has come: one delivery is sent. An answer closes the circuit, a failure opens it for longer
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from django.conf import settings
from django.db import connection
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

from kaireon.delivery.models import Circuit, Delivery

logger = logging.getLogger(__name__)

WINDOW = timedelta(minutes=2)
"""Failures in a row open a circuit if they fall into this time; a receiver that is seldom called has its retries."""
FIRST_OPEN = timedelta(seconds=5)
LONGEST_OPEN = timedelta(minutes=5)
RELAPSE = timedelta(minutes=10)
"""One that opens again so soon after it was closed stays open for longer than the last time."""

_COLUMNS = (
    "failures",
    "failing_since",
    "opened_at",
    "openings",
    "closed_at",
    "probe_at",
    "probe_id",
    "probe_until",
    "last_error",
    "updated_at",
)
_ENSURE = """
    INSERT INTO delivery_circuit (host, failures, openings, probe_id, last_error, updated_at)
    SELECT host, 0, 0, '', '', %s FROM unnest(%s::text[]) AS given(host) ORDER BY host
    ON CONFLICT (host) DO NOTHING
"""
# Another worker that has one of these locked is about to probe, or has just learnt how a probe went: it is theirs.
_LOCK_DUE = """
    SELECT host FROM delivery_circuit
     WHERE host = ANY(%s) AND opened_at IS NOT NULL AND probe_at <= %s AND (probe_until IS NULL OR probe_until < %s)
     ORDER BY host
       FOR UPDATE SKIP LOCKED
"""


class Sign(Enum):
    """What one attempt says about its host."""

    ANSWERED = "answered"
    FAILED = "failed"
    NOTHING = "nothing"
    """It was not sent, or broke on our side."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One attempt that has ended. `leased_until` is that of its claim: a probe is known by it."""

    host: str
    delivery_id: str
    leased_until: datetime | None
    started_at: datetime
    sign: Sign
    error: str


def are_used() -> bool:
    """KAIREON_DELIVERY_BREAKER_FAILURES=0 does without circuits."""
    return bool(settings.DELIVERY_BREAKER_FAILURES)


def lock_due_for_probe(hosts: Collection[str], *, now: datetime) -> set[str]:
    """Those of `hosts` that the caller may probe, locked until its transaction ends: no other worker gets them."""
    if not hosts:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_DUE, [list(hosts), now, now])
        return {row[0] for row in cursor.fetchall()}


def begin_probes(probes: Mapping[str, Delivery]) -> None:
    """Notes which delivery is the probe of its host. If its sender dies, another one may probe when its lease ends."""
    for host, delivery in probes.items():
        Circuit.objects.filter(pk=host).update(probe_id=delivery.pk, probe_until=delivery.leased_until)


def observe(attempts: Sequence[Seen], *, now: datetime) -> None:
    """Counts, opens and closes by what `attempts`, in their order, say. To be called in the caller's transaction.

    Costs one small query where all goes well.
    """
    attempts = [seen for seen in attempts if seen.host]
    if not attempts or not are_used():
        return
    failed = {seen.host for seen in attempts if seen.sign is Sign.FAILED}
    troubled = Q(failures__gt=0) | Q(opened_at__isnull=False)
    known = set(
        Circuit.objects.filter(troubled, pk__in={seen.host for seen in attempts}).values_list("host", flat=True)
    )
    if not failed | known:
        return
    if failed - known:
        with connection.cursor() as cursor:
            cursor.execute(_ENSURE, [now, sorted(failed - known)])
    # In one order, so that two workers that record at once don't wait for each other in a circle.
    circuits = {
        circuit.host: circuit
        for circuit in Circuit.objects.select_for_update().filter(pk__in=failed | known).order_by("host")
    }
    for seen in attempts:
        if (circuit := circuits.get(seen.host)) is not None:
            _note(circuit, seen, now=now)
    Circuit.objects.bulk_update(circuits.values(), _COLUMNS)


def _note(circuit: Circuit, seen: Seen, *, now: datetime) -> None:
    circuit.updated_at = now
    if seen.sign is Sign.FAILED:
        circuit.last_error = seen.error
    if circuit.opened_at is not None:
        _note_open(circuit, seen, opened_at=circuit.opened_at, now=now)
    elif seen.sign is Sign.ANSWERED:
        circuit.failures, circuit.failing_since = 0, None
    elif seen.sign is Sign.FAILED:
        if circuit.failing_since is None or now - circuit.failing_since > WINDOW:
            circuit.failures, circuit.failing_since = 0, now
        circuit.failures += 1
        if circuit.failures >= settings.DELIVERY_BREAKER_FAILURES:
            relapsed = circuit.closed_at is not None and now - circuit.closed_at <= RELAPSE
            circuit.openings = circuit.openings + 1 if relapsed else 1
            circuit.opened_at = now
            circuit.probe_at = now + open_for(circuit.openings)
            logger.warning(
                "The receiver %s failed %d times in a row: nothing is sent to it but probes, the first in %.0f s",
                circuit.host,
                circuit.failures,
                open_for(circuit.openings).total_seconds(),
            )


def _note_open(circuit: Circuit, seen: Seen, *, opened_at: datetime, now: datetime) -> None:
    """Of an open circuit the probe decides, or an answer to what was sent since. What was under way before does not."""
    is_probe = seen.delivery_id == circuit.probe_id and seen.leased_until == circuit.probe_until
    if seen.sign is Sign.ANSWERED and (is_probe or seen.started_at >= opened_at):
        circuit.failures, circuit.failing_since = 0, None
        circuit.opened_at = circuit.probe_at = None
        circuit.closed_at = now
        logger.info("The receiver %s answers again", circuit.host)
    elif not is_probe:
        return
    elif seen.sign is Sign.FAILED:
        circuit.failures += 1
        circuit.openings += 1
        circuit.probe_at = now + open_for(circuit.openings)
    circuit.probe_id, circuit.probe_until = "", None


def open_for(openings: int) -> timedelta:
    """How long a circuit is open that opens for that time in a row: 5 s, 10 s, 20 s … up to 5 minutes."""
    doublings = min(max(openings, 1) - 1, 10)
    return min(FIRST_OPEN * float(2**doublings), LONGEST_OPEN)


def probe_soon(hosts: Collection[str], *, now: datetime) -> int:
    """Makes open circuits of `hosts` due for a probe at once; answers how many were waiting."""
    return Circuit.objects.filter(pk__in=hosts, opened_at__isnull=False, probe_at__gt=now).update(probe_at=now)


def with_circuits(deliveries: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """Adds what `Delivery.shown_reason` and `Delivery.shown_next_attempt_at` tell of an open circuit."""
    if not are_used():
        return deliveries
    is_open = Circuit.objects.filter(pk=OuterRef("host"), opened_at__isnull=False)
    return deliveries.annotate(
        circuit_failures=Subquery(is_open.values("failures")), circuit_probe_at=Subquery(is_open.values("probe_at"))
    )


def with_waiting(circuits: QuerySet[Circuit]) -> QuerySet[Circuit]:
    """Adds `waiting`: how many deliveries are pending for the host."""
    pending = Delivery.objects.filter(host=OuterRef("host"), status="pending").order_by()
    return circuits.annotate(waiting=Subquery(pending.values("host").annotate(count=Count("*")).values("count")))


def forget_healthy(*, before: datetime, limit: int) -> int:
    """Removes circuits that are closed, without a failure, and unchanged since `before`."""
    healthy = Circuit.objects.filter(opened_at__isnull=True, failures=0, updated_at__lt=before)
    ids = healthy.order_by("host").select_for_update(skip_locked=True).values_list("pk", flat=True)[:limit]
    return Circuit.objects.filter(pk__in=list(ids)).delete()[0]
