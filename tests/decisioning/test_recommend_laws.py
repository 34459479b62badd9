"""What holds for every set of offers, flow and customer."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kaireon.core import clock
from kaireon.customers.records import upsert_record
from kaireon.decisioning.models import Offer
from kaireon.decisioning.recommending import Recommendation
from tests.decisioning.deciding import answers, ask, make_flow
from tests.decisioning.offering import make_offer

pytestmark = pytest.mark.django_db

FEW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TIERS = ("gold", "silver", None)
# Few values, so that ties are many.
OFFER = st.fixed_dictionaries(
    {
        "priority": st.sampled_from([0, 50, 100]),
        "business_value": st.sampled_from([Decimal(0), Decimal("0.5"), Decimal(10)]),
        "attributes": st.fixed_dictionaries({"margin": st.sampled_from([0, 1, 2.5, "x", None])}),
        "eligibility": st.sampled_from(
            [{}, *({"field": "customer.tier", "operator": "eq", "value": tier} for tier in ("gold", "silver"))]
        ),
    }
)
SCORE = st.fixed_dictionaries(
    {
        "priorityWeight": st.sampled_from([-1, 0, 0.1, 1]),
        "valueWeight": st.sampled_from([0, 3]),
    },
    optional={"formula": st.sampled_from(["10 / offer_margin", "customer_balance * offer_margin", "0"])},
)


@FEW
@given(offers=st.lists(OFFER, max_size=12), score=SCORE, limit=st.integers(1, 50), shuffle=st.randoms())
def test_ranks_fall_ties_go_by_id_and_every_candidate_is_accounted_for(
    schema: Any, offers: list[dict[str, Any]], score: dict[str, Any], limit: int, shuffle: Any
) -> None:
    with transaction.atomic():
        _set_up(offers, score, limit, shuffle)
        _check(limit)
        # The next example begins where this one began.
        transaction.set_rollback(True)


def _check(limit: int) -> None:
    customers = [f"cust_{number}" for number in range(len(TIERS))]
    asks = [ask(customer_id) for customer_id in customers]
    together = answers(*asks)
    # The batch answers as one by one, and the second time as the first.
    one_by_one = [answers(one)[0] for one in asks]
    assert [_comparable(found) for found in together] == [_comparable(found) for found in one_by_one]
    for found in together:
        assert isinstance(found, Recommendation)
        chosen = [(-decision.score, decision.offer_id) for decision in found.decisions]
        assert chosen == sorted(chosen)
        assert [decision.rank for decision in found.decisions] == list(range(1, len(chosen) + 1))
        assert len(chosen) <= limit
        left_out = [one["offerId"] for one in found.filtered]
        assert left_out == sorted(left_out)
        everything = sorted([*left_out, *(offer_id for _, offer_id in chosen)])
        assert everything == sorted(Offer.objects.values_list("pk", flat=True))
        assert all(one["reason"] for one in found.filtered)
        assert bool(found.decisions) is not bool(found.reason_for_nothing)


def _set_up(offers: list[dict[str, Any]], score: dict[str, Any], limit: int, shuffle: Any) -> None:
    numbered = [(f"off_{number:02}", offer) for number, offer in enumerate(offers)]
    shuffle.shuffle(numbered)
    for offer_id, offer in numbered:
        make_offer(id=offer_id, **offer)
    make_flow(score=score, limit=limit)
    for number, tier in enumerate(TIERS):
        upsert_record(
            schema_id="schema_customer_profile",
            customer_id=f"cust_{number}",
            attributes={"tier": tier, "balance": number},
            merge=False,
            now=clock.now(),
        )


def _comparable(found: Any) -> Any:
    return (found.customer_id, found.decisions, found.filtered)
