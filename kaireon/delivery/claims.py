"""Taking what is due: on a lease, so that a sender may die, and after its source was asked, so that a pause pauses."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from django.db import connection, transaction
from django.db.models import F

from kaireon.delivery import circuits, gates
from kaireon.delivery.gates import Verdict
from kaireon.delivery.http import total_seconds
from kaireon.delivery.models import Delivery, Status
from kaireon.delivery.outbox import MAIL_HOST
from kaireon.secrets import vault
from kaireon.secrets.signing import signing_secrets
from kaireon.secrets.vault import SecretValues

LEASE_MARGIN_SECONDS = 45.0
"""A claim is sent at once; this is for a name server that takes its time, and for a worker that has too much to do."""
MAILS_AT_ONCE = 32
"""Mail servers take few connections of one client, and refuse the others for a while: Postfix takes 50."""

# For each host the few that may be sent to it now. A backlog of one host, however long, is never read on the way to the
# others: the index is entered once a host, and the hosts themselves are found by skipping from one to the next. The
# rows are locked in here, since another sender that is at it too shall find others. Behind an open circuit nothing is
# found, and one delivery where a probe is due.
_DUE = """
    WITH RECURSIVE hosts(host) AS (
        (SELECT host FROM delivery_delivery WHERE status = 'pending' ORDER BY host LIMIT 1)
        UNION ALL
        SELECT (SELECT next.host FROM delivery_delivery next
                 WHERE next.status = 'pending' AND next.host > hosts.host ORDER BY next.host LIMIT 1)
          FROM hosts WHERE hosts.host IS NOT NULL
    )
    SELECT due.id, CASE WHEN circuit.host IS NULL THEN NULL ELSE hosts.host END
      FROM hosts
      LEFT JOIN delivery_circuit circuit
        ON circuit.host = hosts.host AND circuit.opened_at IS NOT NULL AND %(has_circuits)s
      CROSS JOIN LATERAL (
        SELECT delivery.id, delivery.next_attempt_at
          FROM delivery_delivery delivery
         WHERE delivery.status = 'pending' AND delivery.host = hosts.host AND delivery.next_attempt_at <= %(now)s
           AND (delivery.leased_until IS NULL OR delivery.leased_until < %(now)s)
         ORDER BY delivery.next_attempt_at, delivery.id
         LIMIT CASE
                 WHEN circuit.host IS NULL
                   THEN greatest(0, CASE hosts.host WHEN %(mail_host)s THEN %(mails)s ELSE %(per_host)s END
                                    - coalesce((%(busy)s::jsonb ->> hosts.host)::integer, 0))
                 WHEN circuit.probe_at <= %(now)s
                      AND (circuit.probe_until IS NULL OR circuit.probe_until < %(now)s) THEN 1
                 ELSE 0
               END
           FOR UPDATE SKIP LOCKED
      ) due
     WHERE hosts.host IS NOT NULL
     ORDER BY due.next_attempt_at, due.id
     LIMIT %(slots)s
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """What one claim found. `found` counts those that were held or cancelled as well: 0 means that nothing is due."""

    found: int
    deliveries: list[Delivery]
    secrets: SecretValues
    signing_secrets: list[str]


NOTHING = Claim(0, [], SecretValues({}, frozenset()), [])


@transaction.atomic
def claim(*, slots: int, per_host: int, busy: Mapping[str, int], now: datetime) -> Claim:
    """Leases at most `slots` due deliveries, no host getting more than `per_host` together with what is `busy`.

    The mail server gets no more than MAILS_AT_ONCE either.

    `attempts` counts the attempt that is about to be made. Raises VaultUnusable, and changes nothing then.
    """
    due = _due(slots=slots, per_host=per_host, busy=busy, now=now)
    probed = circuits.lock_due_for_probe({host for host in due.values() if host is not None}, now=now)
    ids = [delivery_id for delivery_id, host in due.items() if host is None or host in probed]
    if not ids:
        return NOTHING
    deliveries = list(Delivery.objects.filter(pk__in=ids).order_by("next_attempt_at", "id"))
    verdicts = gates.ask({(delivery.source, delivery.source_id) for delivery in deliveries})
    by_verdict: dict[Verdict, list[Delivery]] = {verdict: [] for verdict in Verdict}
    for delivery in deliveries:
        by_verdict[verdicts[delivery.source, delivery.source_id]].append(delivery)
    _set_aside(by_verdict[Verdict.HOLD], Status.HELD, "is paused; this is sent when it is resumed.")
    _set_aside(by_verdict[Verdict.CANCEL], Status.CANCELLED, "was disabled or deleted before this was sent.")
    to_send = by_verdict[Verdict.SEND]
    if not to_send:
        return Claim(len(ids), [], SecretValues({}, frozenset()), [])
    leased_until = now + timedelta(seconds=total_seconds() + LEASE_MARGIN_SECONDS)
    Delivery.objects.filter(pk__in=[delivery.pk for delivery in to_send]).update(
        leased_until=leased_until, attempts=F("attempts") + 1
    )
    for delivery in to_send:
        delivery.leased_until = leased_until
        delivery.attempts += 1
    circuits.begin_probes({delivery.host: delivery for delivery in to_send if delivery.host in probed})
    return Claim(len(ids), to_send, vault.values(_secret_names(to_send)), signing_secrets(now=now))


def _due(*, slots: int, per_host: int, busy: Mapping[str, int], now: datetime) -> dict[str, str | None]:
    """The ids of what may be sent now, each with its host where it would be the probe of an open circuit."""
    with connection.cursor() as cursor:
        cursor.execute(
            _DUE,
            {
                "now": now,
                "slots": slots,
                "per_host": per_host,
                "mail_host": MAIL_HOST,
                "mails": min(MAILS_AT_ONCE, per_host),
                "busy": msgspec.json.encode(dict(busy)).decode(),
                "has_circuits": circuits.are_used(),
            },
        )
        return dict(cursor.fetchall())


def _set_aside(deliveries: Collection[Delivery], status: Status, why: str) -> None:
    for source in {delivery.source for delivery in deliveries}:
        ids = [delivery.pk for delivery in deliveries if delivery.source == source]
        Delivery.objects.filter(pk__in=ids).update(
            status=status, reason=f"The {source} {why}", next_attempt_at=None, leased_until=None
        )


def _secret_names(deliveries: Collection[Delivery]) -> frozenset[str]:
    return frozenset().union(*(delivery.secret_names for delivery in deliveries))
