"""What the tests of delivery share."""

from collections.abc import Callable, Sequence

import pytest

from kaireon.core.context import SYSTEM, set_actor
from kaireon.delivery import gates
from kaireon.delivery.models import Delivery
from kaireon.delivery.outbox import NewDelivery, enqueue
from kaireon.delivery.sender import send_due
from tests.delivery.receiver import Receiver

Enqueue = Callable[..., Delivery]
Send = Callable[..., Delivery]


@pytest.fixture(autouse=True)
def _no_gates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Delivery by itself: no triggers are asked."""
    monkeypatch.setattr(gates, "_gates", {})


@pytest.fixture(autouse=True)
def _nobody_asked() -> None:
    """A sender acts for nobody, whatever an earlier test's request left behind in this process."""
    set_actor(SYSTEM)


@pytest.fixture
def enqueue_one(receiver: Receiver, db: None) -> Enqueue:
    """Enqueues one delivery to the receiver; keywords replace what NewDelivery takes."""

    def build(**changes: object) -> Delivery:
        return enqueue_all([changes], url=receiver.url)[0]

    return build


@pytest.fixture
def send_one(enqueue_one: Enqueue) -> Send:
    """Enqueues one delivery, sends what is due, and returns the delivery as it stands then."""

    def send(**changes: object) -> Delivery:
        delivery = enqueue_one(**changes)
        send_due(run_seconds=10)
        delivery.refresh_from_db()
        return delivery

    return send


def enqueue_all(changes: Sequence[dict[str, object]], *, url: str) -> list[Delivery]:
    """Enqueues a delivery for each of `changes`, in one call."""
    ids = enqueue([NewDelivery(**{**_EXAMPLE, "url": url, **change}) for change in changes])  # type: ignore[arg-type]
    return list(Delivery.objects.filter(pk__in=ids).order_by("pk"))


_EXAMPLE: dict[str, object] = {
    "source": "trigger",
    "source_id": "trg_high_value_purchase",
    "firing_id": "fir_1",
    "event_id": "evt_1",
    "customer_id": "cust_78",
    "method": "POST",
    "headers": {"X-Shop": "north"},
    "body": {"customerId": "cust_78", "amount": 750},
}
