"""The same idempotency key from many callers at once."""

from functools import partial

import pytest

from kaireon.core import clock
from kaireon.core.errors import Conflict
from kaireon.decisioning.models import Interaction, Offer
from kaireon.decisioning.outcomes import Recorded, Response, respond
from kaireon.events.models import Event
from tests.customers.together import run_together
from tests.decisioning.offering import make_offer, told

WORKERS = 16

pytestmark = pytest.mark.django_db(transaction=True)


def test_one_records_and_all_have_the_same_answer() -> None:
    make_offer(max_impressions=1)
    response = Response(customer_id="cust_78", outcome="impression", offer_id="off_card", metadata={"a": 1})
    results = run_together([partial(respond, response, idempotency_key="k", now=clock.now())] * WORKERS)
    assert sum(recorded.is_new for recorded in results) == 1
    assert {recorded.interaction.pk for recorded in results} == {Interaction.objects.get().pk}
    assert len(told("outcome.recorded")) == len(told("budget.exhausted")) == 1
    assert Event.objects.count() == 2
    assert Offer.objects.get().spent_impressions == 1


def test_of_different_bodies_one_is_recorded_and_the_others_are_conflicts() -> None:
    def call(number: int) -> Recorded | None:
        response = Response(customer_id=f"c{number}", outcome="click")
        try:
            return respond(response, idempotency_key="k", now=clock.now())
        except Conflict:
            return None

    results = run_together([partial(call, number) for number in range(WORKERS)])
    (recorded,) = (result for result in results if result is not None)
    assert recorded.is_new
    assert Interaction.objects.get().customer_id == recorded.interaction.customer_id
    assert len(told("outcome.recorded")) == 1


def test_different_keys_are_all_recorded() -> None:
    response = Response(customer_id="cust_78", outcome="click")
    run_together([partial(respond, response, idempotency_key=f"k{n}", now=clock.now()) for n in range(WORKERS)])
    assert Interaction.objects.count() == len(told("outcome.recorded")) == WORKERS
