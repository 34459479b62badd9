"""Workers that are killed while they try a segment's criteria: everybody ends where they belong, and is told once."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection

from kaireon.core import clock
from kaireon.customers import reevaluation
from kaireon.customers.models import Membership, Segment
from kaireon.customers.segments import create_segment
from kaireon.customers.tasks import resume_reevaluations
from kaireon.events.models import Event
from tests.customers.factories import PROFILE, make_schema
from tests.segments.population import GOLD
from tests.stack.conftest import Worker, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.stack, pytest.mark.timeout(300)]

CUSTOMERS = 60_000
KILLS = 3

_POPULATE = """
    INSERT INTO customers_record (schema_id, customer_id, attributes, created_at, updated_at)
    SELECT %s, 'cust_' || number, jsonb_build_object('tier', 'gold'), now(), now()
    FROM generate_series(1, %s) AS number
"""


def test_workers_killed_in_mid_chunk_lose_nobody_and_tell_nobody_twice(
    start_worker: Callable[[str], Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Beat would wait for ten seconds before it takes the work for left.
    monkeypatch.setattr(reevaluation, "STALLED_AFTER", timedelta(0))
    make_schema(fields={"tier": "text"})
    with connection.cursor() as cursor:
        cursor.execute(_POPULATE, [PROFILE, CUSTOMERS])
    create_segment(segment_id="seg_gold", name="Gold", criteria=GOLD, now=clock.now())

    def done() -> int:
        resume_reevaluations()
        return Segment.objects.get().done

    killed_with_work_left = 0
    before = 0
    for _ in range(KILLS):
        worker = start_worker("events")

        def has_gone_on(before: int = before) -> bool:
            return done() > before

        wait_until(has_gone_on, "the worker goes on")
        worker.kill()
        before = done()
        killed_with_work_left += Segment.objects.get().is_evaluating
    assert killed_with_work_left > 0, "the workers were through before they were killed; take more customers"

    start_worker("events")

    def is_settled() -> bool:
        resume_reevaluations()
        return not Segment.objects.get().is_evaluating

    wait_until(is_settled, "the segment is settled")
    assert done() == Membership.objects.count() == CUSTOMERS
    told = Counter(Event.objects.filter(event_type="segment.entered").values_list("customer_id", flat=True))
    assert (len(told), set(told.values())) == (CUSTOMERS, {1})
