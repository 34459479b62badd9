"""Spending a budget, and telling once that it is used up, also when many spend at once."""

import threading
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.db import transaction

from audit.models import Entry
from kaireon.core import clock
from kaireon.core.ids import time_ordered_id
from kaireon.decisioning.models import Interaction, Offer
from kaireon.decisioning.offer_lifecycle import update_offer
from kaireon.decisioning.offers import available_offers
from kaireon.events.models import Event
from kaireon.events.publish import NewEvent, publish
from tests.customers.together import DEADLINE_SECONDS, in_background, run_together, until_one_waits_for_a_lock
from tests.decisioning.offering import make_offer, record_outcome, told

WORKERS = 16


def spent() -> tuple[int, int, int | Decimal]:
    offer = Offer.objects.get()
    return offer.spent_impressions, offer.spent_conversions, offer.spent_amount


@pytest.mark.django_db
def test_impressions_conversions_and_values_are_counted_with_and_without_a_budget() -> None:
    make_offer(cost_per_outcome=Decimal("0.25"))
    record_outcome("impression", offer_id="off_card")
    assert spent() == (1, 0, 0)
    record_outcome("convert", offer_id="off_card", conversion_value=Decimal("750.10"))
    assert spent() == (1, 1, Decimal("750.10"))
    record_outcome("click", offer_id="off_card")
    assert spent() == (1, 1, Decimal("750.35"))
    for outcome in ("dismiss", "deferred"):
        record_outcome(outcome, offer_id="off_card")
    record_outcome("conversion")
    assert spent() == (1, 1, Decimal("750.35"))
    assert told("budget.exhausted") == []
    assert Offer.objects.get().exhausted_at is None


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("budget", "outcome", "value", "limit"),
    [
        ({"max_impressions": 2}, "impression", None, "maxImpressions"),
        ({"max_conversions": 2}, "conversion", None, "maxConversions"),
        ({"max_spend": Decimal("0.3")}, "conversion", Decimal("0.15"), "maxSpend"),
        ({"max_spend": Decimal(4), "cost_per_outcome": Decimal(2)}, "click", None, "maxSpend"),
        ({"max_spend": Decimal(1), "max_conversions": 2}, "conversion", Decimal("0.5"), "maxConversions"),
    ],
)
def test_the_outcome_that_uses_the_last_unit_tells_it_once(
    budget: dict[str, Any], outcome: str, value: Decimal | None, limit: str
) -> None:
    make_offer(**budget)
    for expected in (0, 1, 1):
        record_outcome(outcome, offer_id="off_card", conversion_value=value)
        assert len(told("budget.exhausted")) == expected
    assert told("budget.exhausted")[0]["limit"] == limit
    assert available_offers(now=clock.now()) == []


@pytest.mark.django_db
def test_what_is_told_and_audited() -> None:
    make_offer(max_conversions=1, max_spend=Decimal(1000))
    record_outcome("impression", offer_id="off_card")
    record_outcome("conversion", offer_id="off_card", conversion_value=Decimal("750.5"))
    event = Event.objects.get(event_type="budget.exhausted")
    assert event.properties == {
        "offerId": "off_card",
        "offerName": "Gold card",
        "budget": {"maxConversions": 1, "maxSpend": 1000},
        "spent": {"impressions": 1, "conversions": 1, "amount": 750.5},
        "limit": "maxConversions",
    }
    assert (event.customer_id, event.source, event.depth, event.cause) == (None, "offers", 0, "")
    entry = Entry.objects.get(action="budget.exhausted")
    assert (entry.subject, entry.event_id, entry.facts["limit"]) == ("off_card", event.event_id, "maxConversions")
    assert Offer.objects.get().exhausted_at == event.occurred_at


@pytest.mark.django_db
def test_a_raised_budget_makes_the_offer_available_and_can_be_exhausted_again() -> None:
    make_offer(max_impressions=1)
    record_outcome("impression", offer_id="off_card")
    assert available_offers(now=clock.now()) == []
    update_offer(offer_id="off_card", values={"max_impressions": 2}, now=clock.now())
    assert [offer.pk for offer in available_offers(now=clock.now())] == ["off_card"]
    record_outcome("impression", offer_id="off_card")
    assert [properties["spent"]["impressions"] for properties in told("budget.exhausted")] == [1, 2]


@pytest.mark.django_db
def test_a_budget_that_is_cut_down_to_what_is_spent_is_exhausted_at_once() -> None:
    make_offer(max_impressions=10)
    record_outcome("impression", offer_id="off_card")
    offer = update_offer(offer_id="off_card", values={"max_impressions": 1}, now=clock.now())
    assert offer.exhausted_at is not None
    assert len(told("budget.exhausted")) == 1
    # Neither another change nor a lower limit tells it again.
    update_offer(offer_id="off_card", values={"priority": 1, "max_conversions": 5}, now=clock.now())
    assert len(told("budget.exhausted")) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("budget", "outcome", "value"),
    [
        ({"max_impressions": 20}, "impression", None),
        ({"max_conversions": 20}, "conversion", None),
        ({"max_spend": Decimal("2.0")}, "conversion", Decimal("0.1")),
    ],
)
def test_sixteen_workers_spend_the_last_unit_and_it_is_told_once(
    budget: dict[str, Any], outcome: str, value: Decimal | None
) -> None:
    make_offer(**budget)
    spend_one = partial(record_outcome, outcome, offer_id="off_card", conversion_value=value)
    for _ in range(19):
        spend_one()
    assert told("budget.exhausted") == []
    run_together([partial(spend_one, customer_id=f"c{number}") for number in range(WORKERS)])
    (event,) = told("budget.exhausted")
    # Told by the very outcome that used the last unit, and not one later.
    used = {"impression": "impressions", "conversion": "conversions"}[outcome]
    assert event["spent"][used] == 20
    # What happened past the limit is recorded and counted all the same.
    assert Interaction.objects.count() == 19 + WORKERS
    assert (spent()[0] if outcome == "impression" else spent()[1]) == 19 + WORKERS
    assert spent()[2] == (value or 0) * (19 + WORKERS)
    assert available_offers(now=clock.now()) == []


@pytest.mark.django_db(transaction=True)
def test_control_workers_who_read_before_they_write_tell_it_again_and_again_and_lose_counts() -> None:
    make_offer(max_impressions=1)
    all_have_read = threading.Barrier(WORKERS)

    def spend_naively() -> None:
        offer = Offer.objects.get()
        all_have_read.wait(DEADLINE_SECONDS)
        offer.spent_impressions += 1
        if offer.exhausted_at is None and offer.spent_impressions >= (offer.max_impressions or 0):
            offer.exhausted_at = clock.now()
            publish(
                [NewEvent(event_type="budget.exhausted", customer_id=None, properties={}, source="test")],
                now=clock.now(),
            )
        offer.save()

    run_together([spend_naively] * WORKERS)
    assert len(told("budget.exhausted")) == WORKERS
    assert spent() == (1, 0, 0)


@pytest.mark.django_db(transaction=True)
def test_a_change_of_the_offer_loses_nothing_that_is_spent_meanwhile() -> None:
    make_offer(max_impressions=10_000)

    def change(number: int) -> None:
        update_offer(offer_id="off_card", values={"priority": number}, now=clock.now())

    def spend_one(number: int) -> None:
        record_outcome("impression", offer_id="off_card", customer_id=f"c{number}")

    run_together([partial(call, number) for number in range(8) for call in (change, spend_one)])
    assert spent() == (8, 0, 0)


@pytest.mark.django_db(transaction=True)
def test_a_budget_that_is_raised_while_outcomes_wait_for_it_is_seen_by_them() -> None:
    make_offer(max_impressions=1)
    with transaction.atomic():
        update_offer(offer_id="off_card", values={"max_impressions": 2}, now=clock.now())
        waiting = in_background(lambda: record_outcome("impression", offer_id="off_card"))
        until_one_waits_for_a_lock()
    waiting.result(DEADLINE_SECONDS)
    assert told("budget.exhausted") == []
    assert Offer.objects.get().exhausted_at is None


@pytest.mark.django_db(transaction=True)
def test_an_outcome_that_is_rolled_back_spends_and_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    make_offer(max_impressions=1)

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the power went out")

    monkeypatch.setattr("kaireon.decisioning.budgets.record", fail)
    with pytest.raises(RuntimeError):
        record_outcome("impression", offer_id="off_card", key=time_ordered_id("k"))
    assert (spent(), Interaction.objects.count(), Event.objects.count()) == ((0, 0, 0), 0, 0)
