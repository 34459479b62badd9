"""Paging by limit and offset, as the contract has it."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from kaireon.core.counting import MOST_COUNTED, capped_count
from kaireon.core.errors import ValidationFailed

if TYPE_CHECKING:  # DRF reads its settings, and so imports this module, while its views are being imported
    from rest_framework.views import APIView

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
_WHOLE_NUMBER = re.compile(r"[0-9]{1,18}\Z")
_WHOLE = {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}


class OffsetPagination(BasePagination):
    """`limit` 50 (at most 200: a larger one is served as 200), `offset` 0; anything else than a number is refused.

    `total` is counted up to 10,000; 10,001 stands for more. To count millions of rows would take a thousand times as
    long as to read the page.
    """

    def paginate_queryset(
        self, queryset: QuerySet[Any] | Sequence[Any], request: Request, view: "APIView | None" = None
    ) -> list[Any]:
        self.limit = min(_number(request, "limit", DEFAULT_LIMIT), MAX_LIMIT)
        self.offset = _number(request, "offset", 0)
        self.total = capped_count(queryset) if isinstance(queryset, QuerySet) else len(queryset)
        if self.offset >= self.total and self.total <= MOST_COUNTED:
            self.has_more = False
            return []
        found = list(queryset[self.offset : self.offset + self.limit + 1])
        self.has_more = len(found) > self.limit
        return found[: self.limit]

    def get_paginated_response(self, data: Sequence[Any]) -> Response:
        return Response(
            {
                "data": data,
                "pagination": {
                    "total": self.total,
                    "limit": self.limit,
                    "offset": self.offset,
                    "hasMore": self.has_more,
                },
            }
        )

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        whole = {"type": "integer", "minimum": 0}
        total = whole | {
            "description": f"Counted up to {MOST_COUNTED:,}; {MOST_COUNTED + 1} stands for more than that."
        }
        return {
            "type": "object",
            "required": ["data", "pagination"],
            "properties": {
                "data": schema,
                "pagination": {
                    "type": "object",
                    "required": ["total", "limit", "offset", "hasMore"],
                    "properties": {"total": total, "limit": whole, "offset": whole, "hasMore": {"type": "boolean"}},
                },
            },
        }

    def get_schema_operation_parameters(self, view: "APIView") -> list[dict[str, Any]]:
        return [
            {
                "name": "limit",
                "in": "query",
                "required": False,
                "description": f"Page size; more than {MAX_LIMIT} is served as {MAX_LIMIT}.",
                "schema": {**_WHOLE, "default": DEFAULT_LIMIT},
            },
            {
                "name": "offset",
                "in": "query",
                "required": False,
                "description": "How many to pass over.",
                "schema": {**_WHOLE, "default": 0},
            },
        ]


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not _WHOLE_NUMBER.match(text):
        raise ValidationFailed.at(name, "must be a whole number from 0 up.")
    return int(text)
