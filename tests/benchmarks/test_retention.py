"""`make bench`: how many rows a second retention deletes from tables of 300,000 rows, half of them past their age.

In the test's own process, as one worker does it: the rules of events, firings and deliveries (each with an attempt),
with all that they ask before they delete, in batches of a thousand.
"""

import time
from datetime import timedelta

import pytest
from django.db import connection
from pytest_django import Settings

from kaireon.core import clock, retention
from kaireon.core.retention import Age, Rule
from tests.benchmarks.measuring import Report

pytestmark = [pytest.mark.benchmark, pytest.mark.django_db(transaction=True)]

ROWS = 300_000
# The first half came in 60 days ago and later, the second half lately.
_AT = (
    "now() - CASE WHEN number <= %(half)s THEN interval '60 days' ELSE interval '1 day' END + number * interval '1 ms'"
)
_FILL = {
    "events": f"""
        INSERT INTO events_event (event_id, event_type, customer_id, occurred_at, received_at, properties, source,
                                  cause, depth, lane, status, attempts, error, decisions)
        SELECT 'evt_' || number, 'purchase', 'cust_' || number %% 50000, {_AT}, {_AT}, '{{"amount": 750}}', 'bench', '',
               0, number %% 16, 'processed', 0, '', '[]'
          FROM generate_series(1, %(rows)s) AS number""",
    "firings": f"""
        INSERT INTO triggers_firing (id, trigger_id, trigger_version, event_id, event_type, customer_id, lane,
                                     action_type, outcome, detail, error, fired_at, duration_ms)
        SELECT 'fir_' || md5(number::text), 'trg_' || number %% 20, 1, 'evt_' || number, 'purchase',
               'cust_' || number %% 50000, number %% 16, 'webhook', 'queued', '{{}}', '', {_AT}, 1
          FROM generate_series(1, %(rows)s) AS number""",
    "deliveries": f"""
        WITH numbered AS (SELECT number, {_AT} AS at FROM generate_series(1, %(rows)s) AS number),
             queued AS (
                INSERT INTO delivery_delivery (id, created_at, source, source_id, firing_id, event_id, customer_id,
                    kind, url, host, method, headers, body, secret_nonce, status, reason, attempts, retries,
                    is_redelivery, last_error)
                SELECT 'dlv_' || lpad(number::text, 26, '0'), at, 'trigger', 'trg_a', 'fir_' || md5(number::text),
                       'evt_' || number, 'cust_' || number %% 50000, 'http', 'https://shop.example/hook',
                       'shop.example:443', 'POST', '{{}}', '{{"amount": 750}}', '', 'delivered', '', 1, 0, false, ''
                  FROM numbered)
        INSERT INTO delivery_attempt (delivery_id, number, started_at, duration_ms, response_status, response_excerpt,
                                      error, manual)
        SELECT 'dlv_' || lpad(number::text, 26, '0'), 1, at, 20, 200, 'ok', '', false FROM numbered""",
}


def test_rows_deleted_a_second(settings: Settings, report: Report) -> None:
    settings.RETENTION_DAYS = dict.fromkeys(settings.RETENTION_DAYS, 30)
    with connection.cursor() as cursor:
        for statement in _FILL.values():
            cursor.execute(statement, {"rows": ROWS, "half": ROWS // 2})
        cursor.execute("ANALYZE")
    report.add(
        "Retention",
        {name: [_rows_per_second(retention._rules[name])] for name in _FILL},
        unit="rows/s",
        note=f"half of {ROWS:,} rows of each deleted, one worker",
    )


def _rows_per_second(rule: Rule) -> float:
    now = clock.now()
    age = Age(cutoff=now - timedelta(days=30), now=now)
    began = time.perf_counter()
    deleted, longest, before = 0, 0.0, began
    for count in rule.sweep(age):
        passed = time.perf_counter()
        longest, before = max(longest, passed - before), passed
        deleted += count
    seconds = time.perf_counter() - began
    assert deleted == ROWS // 2
    print(
        f"\n  {rule.name:12} {deleted:9,} of {ROWS:,} rows in {seconds:5.1f} s   longest batch {longest * 1000:5.0f} ms"
    )
    return deleted / seconds
