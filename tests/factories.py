"""Rows that are simply there: for tests about reading them, where how they came to be does not matter."""

from typing import Any

import factory
from factory.django import DjangoModelFactory

from kaireon.core import clock
from kaireon.core.ids import derived_id, time_ordered_id
from kaireon.events.lanes import lane_of
from kaireon.events.models import Event, EventStatus
from triggers.models import Firing, Outcome


def _lane(row: Any) -> int:
    return lane_of(customer_id=row.customer_id, event_id=row.event_id)


class EventFactory(DjangoModelFactory[Event]):
    """A processed event of a customer, received now."""

    class Meta:
        model = Event

    event_id = factory.LazyFunction(lambda: time_ordered_id("evt_"))
    event_type = "purchase"
    customer_id = factory.Sequence(lambda number: f"cust_{number}")
    occurred_at = factory.LazyFunction(clock.now)
    received_at = factory.LazyFunction(clock.now)
    source = "api"
    lane = factory.LazyAttribute(_lane)
    status = EventStatus.PROCESSED
    processed_at = factory.LazyFunction(clock.now)


class FiringFactory(DjangoModelFactory[Firing]):
    """A firing that is committed, and of which Redis knows nothing."""

    class Meta:
        model = Firing

    id = factory.LazyAttribute(lambda row: derived_id("fir_", row.event_id, row.trigger_id))
    trigger_id = "trg_t"
    trigger_version = 1
    event_id = factory.LazyFunction(lambda: time_ordered_id("evt_"))
    event_type = "purchase"
    customer_id = "cust_78"
    lane = factory.LazyAttribute(_lane)
    action_type = "update_attribute"
    outcome = Outcome.SUCCEEDED
    fired_at = factory.LazyFunction(clock.now)
    duration_ms = 1.0
