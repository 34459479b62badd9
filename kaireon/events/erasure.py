"""Erasing a customer from the event log, and from the messages of streams that could not become events."""

import json
import re
from typing import Any

from django.db import connection, transaction

from kaireon.core.erasing import Batch, Erasing
from kaireon.events.lanes import hold, lane_of

NOT_HANDLED = "The customer was erased before this event was handled."

# What still waits, or has failed, is not handled any more: nobody who asked to be forgotten should hear from a trigger.
# The ids stay, so that the same event sent again is a duplicate, and what it fired stays fired once.
_EVENTS = Erasing(
    table="events_event",
    key="sequence",
    key_type="bigint",
    set_to=f"""
        properties = '{{}}',
        decisions = (
            SELECT coalesce(jsonb_agg(
                CASE WHEN line ? 'state' THEN line - 'seen' || '{{"erased": true}}' ELSE line - 'reason' END
                ORDER BY place), '[]')
            FROM jsonb_array_elements(decisions) WITH ORDINALITY AS told(line, place)
        ),
        error = CASE WHEN status = 'processed' THEN '' ELSE '{NOT_HANDLED}' END,
        processed_at = coalesce(processed_at, now()),
        next_attempt_at = NULL,
        status = 'processed'
    """,
    where=f"""
        status <> 'processed' OR properties <> '{{}}' OR error NOT IN ('', '{NOT_HANDLED}')
        OR jsonb_path_exists(decisions, '$[*] ? (exists(@.reason) || exists(@.state) && !exists(@.erased))')
    """,
)
_DEAD_LETTERS = """
    WITH batch AS (
        SELECT id FROM events_streamdeadletter WHERE id > %(after)s ORDER BY id LIMIT %(limit)s
    ), changed AS (
        UPDATE events_streamdeadletter AS letter SET payload = '', reason = 'It named a customer who was erased.'
        FROM batch WHERE letter.id = batch.id AND (payload ~ %(named)s OR reason ~ %(named)s) RETURNING 1
    )
    SELECT (SELECT count(*) FROM changed), (SELECT count(*) FROM batch), (SELECT max(id) FROM batch)
"""


@transaction.atomic
def erase_events(customer_id: str, *, after: Any, limit: int) -> Batch:
    """Takes what they said out of the customer's events. Waits for the worker who has the customer's lane."""
    hold(lane_of(customer_id=customer_id, event_id=""))
    return _EVENTS.run(customer_id, after=after, limit=limit)


@transaction.atomic
def erase_dead_letters(customer_id: str, *, after: Any, limit: int) -> Batch:
    """Empties the set-aside messages that name the customer anywhere, as a word of its own."""
    spellings = {customer_id, json.dumps(customer_id)[1:-1]}
    named = f"(^|[^[:alnum:]_])({'|'.join(map(_literally, sorted(spellings)))})($|[^[:alnum:]_])"
    with connection.cursor() as cursor:
        cursor.execute(_DEAD_LETTERS, {"after": after or 0, "limit": limit, "named": named})
        changed, looked_at, last = cursor.fetchone()
    return Batch(changed, last if looked_at == limit else None)


def _literally(text: str) -> str:
    """`text` as a regular expression of PostgreSQL's, to which only ASCII's signs mean anything."""
    return re.sub(r"([!-/:-@\[-^`{-~])", r"\\\1", text)
