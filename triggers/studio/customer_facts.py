"""What is known of one customer now: records, segments, journeys, recommendations, messages, cooldowns under way."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import OuterRef, Subquery

from kaireon.customers.models import Membership, Record, Schema
from kaireon.decisioning.models import Channel, DecisionFlow, InboxMessage, Recommendation
from kaireon.journeys.models import Enrolment
from triggers.studio.stories import enrolments

LATELY = 5
ENROLMENTS_SHOWN = 10
ENROLMENTS_READ = 100
"""The timeline shows beside a firing whom it enrolled; those of the firings that it shows are among the newest."""

# The latest firing of each trigger that has a cooldown and fired for the customer within it, as the cooldown is now.
_COOLING = """
    SELECT trigger.id, trigger.name, trigger.cooldown_ms, max(firing.fired_at)
    FROM triggers_firing AS firing JOIN triggers_trigger AS trigger ON trigger.id = firing.trigger_id
    WHERE firing.customer_id = %s AND trigger.cooldown_ms > 0
      AND firing.fired_at > %s - trigger.cooldown_ms * interval '1 millisecond'
    GROUP BY trigger.id
    ORDER BY max(firing.fired_at) + trigger.cooldown_ms * interval '1 millisecond', trigger.id
    LIMIT 50
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cooling:
    """A trigger that does not fire for the customer before `until`."""

    trigger_id: str
    trigger_name: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerFacts:
    """Read in six queries. `enrolments` are the newest ones of `enrolled`, which are the newest hundred."""

    records: Sequence[Record]
    memberships: Sequence[Membership]
    enrolments: Sequence[Enrolment]
    enrolled: Sequence[Enrolment]
    recommendations: Sequence[Recommendation]
    messages: Sequence[InboxMessage]
    cooling: Sequence[Cooling]

    def is_empty(self) -> bool:
        """Whether nothing at all is known."""
        return not (self.records or self.memberships or self.enrolments or self.recommendations or self.messages)


def facts_of(customer_id: str, *, now: datetime) -> CustomerFacts:
    """What is known of the customer at this moment."""
    records = Record.objects.filter(schema__in=Schema.objects.all(), customer_id=customer_id)
    flow_names = DecisionFlow.objects.filter(pk=OuterRef("flow_id")).values("name")
    channel_names = Channel.objects.filter(pk=OuterRef("channel_id")).values("name")
    enrolled = list(enrolments(customer_id=customer_id)[:ENROLMENTS_READ])
    return CustomerFacts(
        records=list(records.select_related("schema").order_by("-schema__is_default", "schema_id")),
        memberships=list(
            Membership.objects.filter(customer_id=customer_id).select_related("segment").order_by("segment_id")
        ),
        enrolments=enrolled[:ENROLMENTS_SHOWN],
        enrolled=enrolled,
        recommendations=list(_lately(Recommendation, customer_id).annotate(flow_name=Subquery(flow_names))[:LATELY]),
        messages=list(_lately(InboxMessage, customer_id).annotate(channel_name=Subquery(channel_names))[:LATELY]),
        cooling=_cooling(customer_id, now=now),
    )


def _lately(model: type[Recommendation] | type[InboxMessage], customer_id: str) -> Any:
    return model._default_manager.filter(customer_id=customer_id).order_by("-id")


def _cooling(customer_id: str, *, now: datetime) -> list[Cooling]:
    with connection.cursor() as cursor:
        cursor.execute(_COOLING, [customer_id, now])
        return [
            Cooling(trigger_id=row[0], trigger_name=row[1], until=row[3] + timedelta(milliseconds=row[2]))
            for row in cursor.fetchall()
        ]
