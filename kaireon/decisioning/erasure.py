"""Erasing what was recommended to a customer, what came of it, and what waits in the inbox."""

from typing import Any

from django.db import transaction

from kaireon.core.erasing import Batch, Erasing
from kaireon.decisioning.models import InboxMessage

# Which offers those were stays, without their scores: an outcome that comes later counts for the right one.
_RECOMMENDATIONS = Erasing(
    table="decisioning_recommendation",
    key="id",
    key_type="text",
    set_to="""
        context = '{}',
        filtered = '[]',
        decisions = (
            SELECT coalesce(jsonb_agg(made || '{"score": 0}' ORDER BY place), '[]')
            FROM jsonb_array_elements(decisions) WITH ORDINALITY AS told(made, place)
        )
    """,
    where="""
        context <> '{}' OR filtered <> '[]' OR jsonb_path_exists(decisions, '$[*].score ? (@ != 0)')
    """,
)
# The idempotency key stays, so that the same call again records nothing. The fingerprint goes: whoever guesses what was
# said could check it by that.
_INTERACTIONS = Erasing(
    table="decisioning_interaction",
    key="id",
    key_type="text",
    set_to="metadata = '{}', context = '{}', fingerprint = '', conversion_value = NULL",
    where="metadata <> '{}' OR context <> '{}' OR fingerprint <> '' OR conversion_value IS NOT NULL",
)


@transaction.atomic
def erase_recommendations(customer_id: str, *, after: Any, limit: int) -> Batch:
    """Takes out what the customer's recommendations were made from."""
    return _RECOMMENDATIONS.run(customer_id, after=after, limit=limit)


@transaction.atomic
def erase_outcomes(customer_id: str, *, after: Any, limit: int) -> Batch:
    """Takes out what was said about the customer's outcomes. What offers have spent stays as it is."""
    return _INTERACTIONS.run(customer_id, after=after, limit=limit)


@transaction.atomic
def erase_messages(customer_id: str, *, after: Any, limit: int) -> Batch:
    """Removes the customer's inbox messages."""
    ids = list(
        InboxMessage.objects.filter(customer_id=customer_id, pk__gt=after or "")
        .order_by("pk")
        .values_list("pk", flat=True)[:limit]
    )
    removed, _ = InboxMessage.objects.filter(pk__in=ids).delete()
    return Batch(removed, ids[-1] if len(ids) == limit else None)
