"""The demo's bank with some of its traffic: Studio's pages with something on them."""

from itertools import islice

from kaireon.accounts.keys import create_key
from kaireon.accounts.roles import Role
from kaireon.core import clock
from kaireon.customers.models import Segment
from kaireon.decisioning.models import Channel, DecisionFlow, Offer
from kaireon.delivery.models import Delivery
from kaireon.journeys.models import Journey
from tests.triggers.fixtures import process_all
from triggers.demo.bank import SCHEMA_ID
from triggers.demo.door import Door
from triggers.demo.loading import load
from triggers.demo.traffic import calls
from triggers.models import Firing


def fill(*, traffic: int) -> None:
    """Loads the bank and lets its customers do that many things."""
    _, key = create_key(name="bank", role=Role.ADMIN)
    door = Door(key)
    load(door, now=clock.now())
    process_all()
    for method, path, body in islice(calls(seed=1, run="studio"), traffic):
        door.send(method, path, body)
    process_all()


def some_ids() -> dict[str, str]:
    """For each parameter of Studio's routes the id of something that is there."""
    firing = Firing.objects.filter(customer_id__isnull=False).order_by("fired_at").first()
    assert firing is not None
    return {
        "trigger_id": firing.trigger_id,
        "firing_id": firing.pk,
        "event_id": firing.event_id,
        "customer_id": str(firing.customer_id),
        "delivery_id": _first(Delivery),
        "journey_id": _first(Journey),
        "decision_flow_id": _first(DecisionFlow),
        "offer_id": _first(Offer),
        "channel_id": _first(Channel),
        "segment_id": _first(Segment),
        "schema_id": SCHEMA_ID,
    }


def _first(model: type[Delivery | Journey | DecisionFlow | Offer | Channel | Segment]) -> str:
    return str(model._default_manager.order_by("pk").values_list("pk", flat=True)[0])
