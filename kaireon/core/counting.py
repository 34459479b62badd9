"""Counting no further than it helps."""

from typing import Any

from django.db.models import QuerySet

MOST_COUNTED = 10_000


def capped_count(rows: QuerySet[Any], *, most: int = MOST_COUNTED) -> int:
    """How many there are; `most + 1` where there are more than `most`. Reads no more of them than that."""
    return rows.order_by().values("pk")[: most + 1].count()
