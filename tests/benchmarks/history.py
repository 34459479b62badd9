"""What an installation has gathered: so many events, each with a firing, its ledger and its audit entry.

PostgreSQL makes the rows itself, as the product would have stored them, over the last thirty days. Indexes are taken
away meanwhile and built again, which is faster by far; in the end the tables are those of the migrations.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg

from tests.benchmarks import scenery
from tests.benchmarks.product import Product

CUSTOMERS = 100_000
FIRST_CUSTOMER = 90_000_000
"""Whom no event of a measurement is about."""
DAYS = 30

# A fifth of all firings are the first trigger's, the others take turns. One event in 10,000 has failed and fired
# nothing, one in ten sends a webhook.
_ROWS = """
    FROM (SELECT n, now() - ({count} - n) * interval '{days} days' / {count} AS at,
                 'evt_' || lpad(n::text, 26, '0') AS event_id, 'fir_' || left(md5(n::text), 26) AS firing_id,
                 'cust_' || {first_customer} + n % {customers} AS customer_id, n % 16 AS lane,
                 CASE WHEN n % 10 = 5 THEN 'webhook' ELSE 'update_attribute' END AS action_type,
                 CASE WHEN n % 10 = 5 THEN 'queued' WHEN n % 1000 = 1 THEN 'failed' ELSE 'succeeded' END AS outcome,
                 jsonb_build_object('updates', jsonb_build_array(jsonb_build_object(
                     'field', 'last_amount', 'before', n % 5000, 'after', n % 7000))) AS detail,
                 CASE WHEN n % 5 = 0 THEN 1 ELSE n % {triggers} + 1 END AS number
          FROM generate_series(1, {count}) AS n) AS made
    JOIN (SELECT id AS trigger_id, event_type, version, row_number() OVER (ORDER BY id) AS number
          FROM triggers_trigger) AS trigger USING (number)
"""
_FIRED = _ROWS + " WHERE n % 10000 <> 7"

_TABLES: Mapping[str, str] = {
    "events_event": """
        INSERT INTO events_event (event_id, event_type, customer_id, occurred_at, received_at, properties, source,
                                  cause, depth, lane, status, attempts, error, decisions, processed_at)
        SELECT event_id, event_type, customer_id, at, at,
               jsonb_build_object('outcomeType', 'conversion', 'metadata', jsonb_build_object(
                   'amount', n % 7000, 'currency', 'EUR', 'note', 'in a shop')),
               'api', '', 0, lane, CASE WHEN n % 10000 = 7 THEN 'failed' ELSE 'processed' END,
               CASE WHEN n % 10000 = 7 THEN 5 ELSE 0 END, '',
               CASE WHEN n % 10000 = 7 THEN '[]' ELSE jsonb_build_array(
                   jsonb_build_object('triggerId', trigger_id, 'version', version, 'decision', 'fired',
                                      'firingId', firing_id),
                   jsonb_build_object('decision', 'condition_false', 'count', 4, 'state', state)) END, at
    """
    + _ROWS
    + " CROSS JOIN triggers_catalogue ORDER BY n",
    "triggers_firing": """
        INSERT INTO triggers_firing (id, trigger_id, trigger_version, event_id, event_type, customer_id, lane,
                                     action_type, outcome, detail, error, fired_at, duration_ms)
        SELECT firing_id, trigger_id, version, event_id, event_type, customer_id, lane, action_type, outcome, detail,
               '', at, 0.2
    """
    + _FIRED
    + " ORDER BY n",
    "audit_entry": """
        INSERT INTO audit_entry (at, action, actor, subject, trigger_id, customer_id, event_type, event_id,
                                 action_taken, outcome, facts, request_id)
        SELECT at, 'trigger.fired', 'system', firing_id, trigger_id, customer_id, event_type, event_id, action_type,
               outcome, jsonb_build_object('triggerVersion', version, 'detail', detail), ''
    """
    + _FIRED
    + " ORDER BY n",
}

# Few beside those, and with keys that others refer to: filled with their indexes in place.
_THE_REST = (
    """
    INSERT INTO delivery_delivery (id, created_at, source, source_id, firing_id, event_id, customer_id, kind, url,
                                   host, method, headers, body, secret_nonce, status, reason, attempts, retries,
                                   is_redelivery, last_error, delivered_at)
    SELECT 'dlv_' || lpad(n::text, 26, '0'), at, 'trigger', trigger_id, firing_id, event_id, customer_id, 'http',
           'https://example.com/', 'example.com:443', 'POST', '{{}}', '{{}}', '',
           CASE WHEN n % 1000 = 5 THEN 'dead' ELSE 'delivered' END, '', 1, 0, false, '', at
    """
    + _FIRED
    + " AND n % 10 = 5 ORDER BY n",
    """
    INSERT INTO triggers_tally (trigger_id, is_firing, hour, lane, succeeded, queued, skipped, failed, cooldown,
                                missing_customer, loop_stopped)
    SELECT trigger_id, true, date_trunc('hour', fired_at), lane, count(*) FILTER (WHERE outcome = 'succeeded'),
           count(*) FILTER (WHERE outcome = 'queued'), 0, count(*) FILTER (WHERE outcome = 'failed'), 0, 0, 0
    FROM triggers_firing GROUP BY 1, 3, 4 ON CONFLICT DO NOTHING
    """,
    """
    INSERT INTO triggers_asked (event_type, hour, state, lane, events)
    SELECT event_type, date_trunc('hour', fired_at), (SELECT state FROM triggers_catalogue), lane, count(*)
    FROM triggers_firing GROUP BY 1, 2, 4 ON CONFLICT DO NOTHING
    """,
)


def gather(product: Product, count: int) -> None:
    """Fills the tables, and leaves them as autovacuum would."""
    scenery.add_customers(product, FIRST_CUSTOMER, CUSTOMERS)
    numbers = {
        "count": count,
        "days": DAYS,
        "customers": CUSTOMERS,
        "first_customer": FIRST_CUSTOMER,
        "triggers": product.number("SELECT count(*) FROM triggers_trigger"),
    }
    database = product.database
    # Half of a gibibyte for each process that sorts.
    database.execute("SET maintenance_work_mem = '512MB'")
    for table, statement in _TABLES.items():
        with without_indexes(database, table):
            database.execute(statement.format(**numbers).encode())
    for statement in _THE_REST:
        database.execute(statement.format(**numbers).encode())
    for table in (*_TABLES, "delivery_delivery", "triggers_tally", "triggers_asked"):
        database.execute(f"VACUUM ANALYZE {table}".encode())


@contextmanager
def without_indexes(database: psycopg.Connection[Any], table: str) -> Iterator[None]:
    """Takes indexes and keys of `table` away for the block, which is one transaction: nobody sees it without them."""
    keys = database.execute(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid = %s::regclass AND contype IN ('p', 'u')",
        [table],
    ).fetchall()
    indexes = database.execute(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = %s::regclass"
        " AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)",
        [table],
    ).fetchall()
    with database.transaction():
        for name, _ in keys:
            database.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"'.encode())
        for name, _ in indexes:
            database.execute(f"DROP INDEX {name}".encode())
        yield
        for name, definition in keys:
            database.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}'.encode())
        for _, definition in indexes:
            database.execute(definition)
