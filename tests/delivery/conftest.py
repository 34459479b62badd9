"""What the tests of delivery share."""

from collections.abc import Callable

import pytest

from kaireon.delivery.models import Delivery
from kaireon.delivery.outbox import NewDelivery, enqueue
from tests.delivery.receiver import Receiver, receiver

__all__ = ["receiver"]

Enqueue = Callable[..., Delivery]


@pytest.fixture
def enqueue_one(receiver: Receiver) -> Enqueue:
    """Enqueues one delivery to the receiver; keywords replace what NewDelivery takes."""

    def build(**changes: object) -> Delivery:
        fields = new_delivery_fields(receiver.url) | changes
        [delivery_id] = enqueue([NewDelivery(**fields)])  # type: ignore[arg-type]  # what is given fits its fields
        return Delivery.objects.get(pk=delivery_id)

    return build


def new_delivery_fields(url: str) -> dict[str, object]:
    """The worked example's webhook."""
    return {
        "source": "trigger",
        "source_id": "trg_high_value_purchase",
        "firing_id": "fir_1",
        "event_id": "evt_1",
        "customer_id": "cust_78",
        "url": url,
        "method": "POST",
        "headers": {"X-Shop": "north"},
        "body": {"customerId": "cust_78", "amount": 750},
    }
