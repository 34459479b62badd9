"""Finding offers: one by its id, and those that may be recommended."""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Q

from kaireon.core.clock import iso
from kaireon.core.errors import NotFound
from kaireon.decisioning.models import Offer, OfferStatus


def find_offer(offer_id: str) -> Offer:
    """The offer with that id. Raises NotFound."""
    offer = Offer.objects.filter(pk=offer_id).first()
    if offer is None:
        raise NotFound(f"There is no offer {offer_id!r}.")
    return offer


def available_offers(*, now: datetime, category: str = "", tags: Sequence[str] = ()) -> list[Offer]:
    """The offers that may be recommended at `now`, by id: active, within their validity and their budget.

    With `category`, those of that category; with `tags`, those that have at least one of them. One query.
    """
    offers = Offer.objects.filter(
        Q(starts_at__isnull=True) | Q(starts_at__lte=now),
        Q(ends_at__isnull=True) | Q(ends_at__gt=now),
        status=OfferStatus.ACTIVE,
        exhausted_at__isnull=True,
    )
    if category:
        offers = offers.filter(category=category)
    if tags:
        offers = offers.filter(tags__has_any_keys=list(tags))
    return list(offers.order_by("id"))


def explain_unavailable(offer: Offer, *, now: datetime) -> str | None:
    """Why `offer` may not be recommended at `now`, as a sentence; None where it may be (`available_offers` agrees)."""
    if offer.status != OfferStatus.ACTIVE:
        return f"The offer is {offer.status}, not active."
    if offer.starts_at is not None and now < offer.starts_at:
        return f"The offer starts at {iso(offer.starts_at)}."
    if offer.ends_at is not None and now >= offer.ends_at:
        return f"The offer ended at {iso(offer.ends_at)}."
    if offer.exhausted_at is not None:
        return f"The offer's budget was exhausted at {iso(offer.exhausted_at)}."
    return None
