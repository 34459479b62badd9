"""offer.expired: once, when the end has passed."""

from datetime import datetime, timedelta

import pytest
from django.db import connection, transaction

from audit.models import Entry
from kaireon.celery import app
from kaireon.core import clock
from kaireon.decisioning import offer_expiry
from kaireon.decisioning.models import Offer
from kaireon.decisioning.offer_expiry import expire_offers
from kaireon.decisioning.offer_lifecycle import update_offer
from kaireon.events.models import Event
from tests.customers.together import in_background, run_together
from tests.decisioning.offering import make_offer, told

HOUR = timedelta(hours=1)


@pytest.fixture
def now(db: None) -> datetime:
    return clock.now()


def test_an_end_that_has_passed_is_told_once(now: datetime) -> None:
    make_offer(ends_at=now, category="cards")
    assert expire_offers(now=now - timedelta(microseconds=1)) == 0
    assert expire_offers(now=now) == 1
    assert expire_offers(now=now + HOUR) == 0
    event = Event.objects.get(event_type="offer.expired")
    assert event.properties == {
        "offerId": "off_card",
        "offerName": "Gold card",
        "category": "cards",
        "endsAt": clock.iso(now),
    }
    assert (event.customer_id, event.occurred_at, event.source, event.depth) == (None, now, "offers", 0)
    assert Offer.objects.get().expired_at == now
    entry = Entry.objects.get(action="offer.expired")
    assert (entry.subject, entry.event_id, entry.actor) == ("off_card", event.event_id, "system")


def test_an_end_that_is_moved_away_in_time_is_not_told(now: datetime) -> None:
    make_offer(ends_at=now)
    update_offer(offer_id="off_card", values={"ends_at": now + HOUR}, now=now)
    assert expire_offers(now=now + timedelta(minutes=59)) == 0
    assert expire_offers(now=now + HOUR) == 1


@pytest.mark.parametrize("later", [HOUR, None])
def test_an_offer_that_is_given_a_later_end_after_it_expired_may_expire_again(
    now: datetime, later: timedelta | None
) -> None:
    make_offer(ends_at=now)
    expire_offers(now=now)
    update_offer(offer_id="off_card", values={"ends_at": later and now + later}, now=now)
    assert Offer.objects.get().expired_at is None
    assert expire_offers(now=now + 2 * HOUR) == (1 if later else 0)


def test_an_end_that_is_moved_within_the_past_is_not_told_again(now: datetime) -> None:
    make_offer(ends_at=now - HOUR)
    expire_offers(now=now)
    update_offer(offer_id="off_card", values={"ends_at": now - 2 * HOUR}, now=now)
    assert expire_offers(now=now) == 0
    assert len(told("offer.expired")) == 1


def test_drafts_and_archived_offers_end_for_nobody_until_they_are_active(now: datetime) -> None:
    for status in ("active", "paused", "draft", "archived"):
        make_offer(status, status=status, ends_at=now)
    assert expire_offers(now=now) == 2
    assert {properties["offerId"] for properties in told("offer.expired")} == {"active", "paused"}
    update_offer(offer_id="draft", values={"status": "active"}, now=now)
    assert expire_offers(now=now) == 1


def test_many_are_told_in_batches_in_the_order_of_their_ends(now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offer_expiry, "BATCH_SIZE", 3)
    for number in range(7):
        make_offer(f"off_{number}", ends_at=now - timedelta(minutes=number))
    assert expire_offers(now=now) == 7
    assert [properties["offerId"] for properties in told("offer.expired")] == [f"off_{n}" for n in range(6, -1, -1)]


@pytest.mark.django_db(transaction=True)
def test_sixteen_workers_at_once_tell_each_end_once() -> None:
    now = clock.now()
    for number in range(20):
        make_offer(f"off_{number}", ends_at=now)
    counts = run_together([lambda: expire_offers(now=now)] * 16)
    assert sum(counts) == 20
    assert len(told("offer.expired")) == 20
    assert len({properties["offerId"] for properties in told("offer.expired")}) == 20


@pytest.mark.django_db(transaction=True)
def test_an_offer_that_is_just_being_changed_is_passed_over_and_found_the_next_time() -> None:
    now = clock.now()
    make_offer(ends_at=now)
    with transaction.atomic():
        update_offer(offer_id="off_card", values={"ends_at": now + HOUR}, now=now)
        assert in_background(lambda: expire_offers(now=now)).result(20) == 0
    assert expire_offers(now=now) == 0
    assert expire_offers(now=now + HOUR) == 1


def test_beat_looks_every_few_seconds(now: datetime) -> None:
    (entry,) = (
        entry for entry in app.conf.beat_schedule.values() if entry["task"] == "kaireon.decisioning.expire_offers"
    )
    assert entry["schedule"] <= 10
    make_offer(ends_at=now - HOUR)
    app.loader.import_default_modules()
    app.tasks["kaireon.decisioning.expire_offers"]()
    assert len(told("offer.expired")) == 1


def test_looking_for_ends_needs_no_walk_through_all_offers(now: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        query = Offer.objects.filter(
            ends_at__lte=now, expired_at__isnull=True, status__in=offer_expiry._CAN_EXPIRE
        ).order_by("ends_at", "id")
        assert "offer_to_expire" in query.explain()
