"""Which offers may be recommended, and why others may not."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kaireon.core import clock
from kaireon.decisioning.models import Offer
from kaireon.decisioning.offers import available_offers, explain_unavailable
from tests.decisioning.offering import make_offer, record_outcome

pytestmark = pytest.mark.django_db


def test_only_what_is_active_valid_and_not_exhausted_is_available_and_the_reason_agrees() -> None:
    now = clock.now()
    hour = timedelta(hours=1)
    make_offer("active")
    make_offer("within", starts_at=now, ends_at=now + hour)
    make_offer("early", starts_at=now + hour)
    make_offer("over", ends_at=now)
    for status in ("draft", "paused", "archived"):
        make_offer(status, status=status)
    make_offer("exhausted", max_impressions=1)
    record_outcome("impression", offer_id="exhausted")

    with CaptureQueriesContext(connection) as queries:
        available = available_offers(now=now)
    assert len(queries) == 1
    assert [offer.pk for offer in available] == ["active", "within"]
    reasons = {offer.pk: explain_unavailable(offer, now=now) for offer in Offer.objects.all()}
    assert {offer_id for offer_id, reason in reasons.items() if reason is None} == {"active", "within"}
    assert reasons["draft"] == "The offer is draft, not active."
    assert reasons["early"] == f"The offer starts at {clock.iso(now + hour)}."
    assert reasons["over"] == f"The offer ended at {clock.iso(now)}."
    assert (reasons["exhausted"] or "").startswith("The offer's budget was exhausted at 20")


def test_a_category_and_any_of_the_tags_narrow_the_candidates() -> None:
    make_offer("a", category="cards", tags=["travel"])
    make_offer("b", category="cards", tags=["gold", "new"])
    make_offer("c", category="loans", tags=["travel"])
    make_offer("d", category="cards")
    now = clock.now()
    assert [offer.pk for offer in available_offers(now=now, category="cards")] == ["a", "b", "d"]
    assert [offer.pk for offer in available_offers(now=now, tags=["travel", "new"])] == ["a", "b", "c"]
    assert [offer.pk for offer in available_offers(now=now, category="cards", tags=["travel"])] == ["a"]
