"""An installation with 10,000 triggers and 1,000,000 firings, made by PostgreSQL itself in a minute or two.

A fifth of all firings are those of one trigger, and each trigger is looked at in every hour of the last day. Whoever
has a page about something else adds a statement here and a path in `test_studio.py`.
"""

from collections.abc import Mapping

from django.db import connection

TRIGGERS = 10_000
FIRINGS = 1_000_000
CUSTOMERS = 100_000
DELIVERIES = 200_000
EVENT_TYPES = 25
HOT_TRIGGER = "trg_bench_1"

# Spread over 30 days, the newest last. A fifth belongs to one trigger; the others take turns.
_STATEMENTS: Mapping[str, str] = {
    "triggers": """
        INSERT INTO triggers_trigger (id, name, description, event_type, condition, action_type, action_config,
                                      priority, cooldown_ms, status, version, created_at, updated_at)
        SELECT 'trg_bench_' || n, 'Bench ' || md5(n::text), 'Number ' || n, 'bench.type_' || n % {types},
               '{{"field": "amount", "operator": "gt", "value": 500}}',
               CASE n % 2 WHEN 0 THEN 'webhook' ELSE 'update_attribute' END,
               CASE n % 2 WHEN 0 THEN '{{"url": "https://example.com/", "method": "POST"}}'::jsonb
                           ELSE '{{"schemaId": "schema_bench", "updates": []}}'::jsonb END,
               n % 101, (n % 3) * 3600000, CASE WHEN n % 10 < 8 THEN 'active' WHEN n % 10 = 8 THEN 'paused'
               ELSE 'disabled' END, 1, now() - n * interval '1 minute', now() - n * interval '1 minute'
        FROM generate_series(1, {triggers}) AS n
    """,
    "schemas": """
        INSERT INTO customers_schema (id, name, display_name, is_default, fields, created_at, updated_at)
        VALUES ('schema_bench', 'bench', 'Bench', true, '[{{"name": "tier", "dataType": "text"}}]', now(), now())
    """,
    "records": """
        INSERT INTO customers_record (schema_id, customer_id, attributes, created_at, updated_at)
        SELECT 'schema_bench', 'cust_' || n, jsonb_build_object('tier', 'gold'), now(), now()
        FROM generate_series(0, {customers} - 1) AS n
    """,
    "firings": """
        INSERT INTO triggers_firing (id, trigger_id, trigger_version, event_id, event_type, customer_id, lane,
                                     action_type, outcome, detail, error, fired_at, duration_ms)
        SELECT 'fir_' || md5(n::text), 'trg_bench_' || t, 1, 'evt_bench_' || n, 'bench.type_' || t % {types},
               'cust_' || n % {customers}, n % 16, CASE t % 2 WHEN 0 THEN 'webhook' ELSE 'update_attribute' END,
               CASE WHEN n % 500 = 0 THEN 'failed' WHEN t % 2 = 0 THEN 'queued' ELSE 'succeeded' END, '{{}}', '',
               now() - ({firings} - n) * interval '30 days' / {firings}, 1
        FROM (SELECT n, CASE WHEN n % 5 = 0 THEN 1 ELSE n % {triggers} + 1 END AS t
              FROM generate_series(1, {firings}) AS n) AS numbered
    """,
    "events": """
        INSERT INTO events_event (event_id, event_type, customer_id, occurred_at, received_at, properties, source,
                                  cause, depth, lane, status, attempts, error, decisions, processed_at)
        SELECT event_id, event_type, customer_id, fired_at, fired_at, '{{"amount": 750}}', 'api', '', 0, lane,
               CASE WHEN outcome = 'failed' AND lane < 2 THEN 'failed' ELSE 'processed' END, 0, '',
               jsonb_build_array(jsonb_build_object('triggerId', trigger_id, 'version', 1, 'decision', 'fired',
                                                    'firingId', id)), fired_at
        FROM triggers_firing ORDER BY fired_at
    """,
    "audit entries": """
        INSERT INTO audit_entry (at, action, actor, subject, trigger_id, customer_id, event_type, event_id,
                                 action_taken, outcome, facts, request_id)
        SELECT created_at, 'trigger.created', 'system', id, id, '', event_type, '', '', '',
               '{{"trigger": {{}}}}'::jsonb, ''
        FROM triggers_trigger
        UNION ALL
        SELECT fired_at, 'trigger.fired', 'system', id, trigger_id, customer_id, event_type, event_id, action_type,
               outcome, '{{"triggerVersion": 1}}', ''
        FROM triggers_firing
    """,
    "deliveries": """
        INSERT INTO delivery_delivery (id, created_at, source, source_id, firing_id, event_id, customer_id, kind, url,
                                       host, method, headers, body, secret_nonce, status, reason, attempts, retries,
                                       is_redelivery, last_error, delivered_at)
        SELECT 'dlv_' || lpad(row_number() OVER (ORDER BY fired_at)::text, 26, '0'), fired_at, 'trigger', trigger_id,
               id, event_id, customer_id, 'http', 'https://example.com/', 'example.com:443', 'POST', '{{}}', '{{}}', '',
               CASE WHEN lane = 3 THEN 'dead' ELSE 'delivered' END, '', 1, 0, false, '', fired_at
        FROM triggers_firing WHERE action_type = 'webhook' LIMIT {deliveries}
    """,
    "tallies of firings": """
        INSERT INTO triggers_tally (trigger_id, is_firing, hour, lane, succeeded, queued, skipped, failed, cooldown,
                                    missing_customer, loop_stopped)
        SELECT trigger_id, true, date_trunc('hour', fired_at), lane, count(*) FILTER (WHERE outcome = 'succeeded'),
               count(*) FILTER (WHERE outcome = 'queued'), 0, count(*) FILTER (WHERE outcome = 'failed'), 0, 0, 0
        FROM triggers_firing GROUP BY 1, 3, 4
    """,
    "tallies of other decisions": """
        INSERT INTO triggers_tally (trigger_id, is_firing, hour, lane, succeeded, queued, skipped, failed, cooldown,
                                    missing_customer, loop_stopped)
        SELECT id, false, date_trunc('hour', now()) - h * interval '1 hour', lane, 0, 0, 0, 0, 3, 0, 0
        FROM triggers_trigger, generate_series(0, 23) AS h, generate_series(0, 3) AS lane
    """,
    # Ten changes to triggers an hour, so that many states of the catalogue come together.
    "listeners": """
        INSERT INTO triggers_catalogue (id, token, state) VALUES (1, gen_random_uuid(), 240)
        ON CONFLICT (id) DO UPDATE SET state = 240;
        INSERT INTO triggers_listener (trigger_id, version, event_type, priority, condition, since)
        SELECT id, version, event_type, priority, condition, 1 FROM triggers_trigger WHERE status = 'active'
    """,
    "asked": """
        INSERT INTO triggers_asked (event_type, hour, state, lane, events)
        SELECT 'bench.type_' || t, date_trunc('hour', now()) - h * interval '1 hour', 240 - 10 * h - change, lane, 30
        FROM generate_series(0, {types} - 1) AS t, generate_series(0, 23) AS h, generate_series(0, 9) AS change,
             generate_series(0, 15) AS lane
    """,
}


def generate() -> None:
    """Fills the database, outside of any transaction, and leaves it as autovacuum would."""
    numbers = {
        "triggers": TRIGGERS,
        "firings": FIRINGS,
        "customers": CUSTOMERS,
        "deliveries": DELIVERIES,
        "types": EVENT_TYPES,
    }
    with connection.cursor() as cursor:
        for statement in _STATEMENTS.values():
            cursor.execute(statement.format(**numbers))
        cursor.execute("VACUUM ANALYZE")
