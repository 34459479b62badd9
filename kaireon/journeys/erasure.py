"""Erasing a customer from journeys: who is in one leaves it, and of the history stays what happened when, not why."""

from typing import Any

from django.db import transaction

from kaireon.core.erasing import Batch, Erasing

# What a line says about the customer goes; where it was, when, and which ids came of it stay: the chain reads them.
_ENROLMENTS = Erasing(
    table="journeys_enrolment",
    key="id",
    key_type="text",
    set_to="""
        event = '{}',
        recommendation = NULL,
        history = (
            SELECT coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
                'node', line -> 'node', 'at', line -> 'at', 'result', line -> 'result', 'ids', line -> 'ids'
            )) ORDER BY place), '[]')
            FROM jsonb_array_elements(history) WITH ORDINALITY AS told(line, place)
        ),
        reason = CASE WHEN status = 'completed' THEN '' ELSE 'The customer was erased.' END,
        completed_at = coalesce(completed_at, now()),
        resume_at = NULL,
        waiting_for = '',
        resumed_by = '',
        status = CASE WHEN status = 'active' THEN 'exited' ELSE status END
    """,
    where="""
        status = 'active' OR event <> '{}' OR recommendation IS NOT NULL
        OR reason <> CASE WHEN status = 'completed' THEN '' ELSE 'The customer was erased.' END
        OR jsonb_path_exists(
            history, '$[*].keyvalue() ? (@.key != "node" && @.key != "at" && @.key != "result" && @.key != "ids")'
        )
    """,
)


@transaction.atomic
def erase_enrolments(customer_id: str, *, after: Any, limit: int) -> Batch:
    """Ends and empties the customer's enrolments. Waits for who moves one of them on."""
    return _ENROLMENTS.run(customer_id, after=after, limit=limit)
