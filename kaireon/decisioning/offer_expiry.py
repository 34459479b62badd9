"""Telling once that an offer's end has passed."""

from datetime import datetime

from django.db import transaction

from audit.log import NewEntry, record
from kaireon.core.clock import iso
from kaireon.decisioning.models import Offer, OfferStatus
from kaireon.events.publish import NewEvent, publish

EXPIRED = "offer.expired"
BATCH_SIZE = 500
# A draft was never on offer, and an archived one no longer is: neither ends for anybody.
_CAN_EXPIRE = (OfferStatus.ACTIVE, OfferStatus.PAUSED)


def expire_offers(*, now: datetime) -> int:
    """Publishes `offer.expired` for each offer whose end has passed and was not told yet; answers how many.

    Works in batches, each a transaction of its own that publishes and sets `expired_at` together. Several workers may
    run it at once: an offer that is locked, by one of them or by somebody who is just changing it, is left alone.
    """
    total = 0
    while count := _expire_batch(now=now):
        total += count
        if count < BATCH_SIZE:
            break
    return total


@transaction.atomic
def _expire_batch(*, now: datetime) -> int:
    offers = list(
        Offer.objects.select_for_update(skip_locked=True)
        .filter(ends_at__lte=now, expired_at__isnull=True, status__in=_CAN_EXPIRE)
        .order_by("ends_at", "id")[:BATCH_SIZE]
    )
    if not offers:
        return 0
    Offer.objects.filter(pk__in=[offer.pk for offer in offers]).update(expired_at=now)
    published = publish([_event(offer) for offer in offers], now=now)
    record(
        *(
            NewEntry(
                action=EXPIRED,
                subject=offer.pk,
                event_type=EXPIRED,
                event_id=event.event_id,
                facts={"offerName": offer.name, "endsAt": _end(offer)},
                at=now,
            )
            for offer, event in zip(offers, published, strict=True)
        )
    )
    return len(offers)


def _event(offer: Offer) -> NewEvent:
    """It happened when the offer ended, a few seconds before it is noticed."""
    return NewEvent(
        event_type=EXPIRED,
        customer_id=None,
        properties={
            "offerId": offer.pk,
            "offerName": offer.name,
            "category": offer.category,
            "endsAt": _end(offer),
        },
        source="offers",
        occurred_at=offer.ends_at,
    )


def _end(offer: Offer) -> str | None:
    return None if offer.ends_at is None else iso(offer.ends_at)
