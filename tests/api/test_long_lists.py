"""Lists are counted up to 10,000 rows, and their pages go on beyond that."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

pytestmark = pytest.mark.django_db

STORE = """
    INSERT INTO events_event (event_id, event_type, occurred_at, received_at, properties, source, cause, depth, lane,
                              status, attempts, error, decisions)
    SELECT 'e' || number, 'purchase', now(), now() + number * interval '1 ms', '{}', 'api', '', 0, 0,
           'processed', 0, '', '[]'
    FROM generate_series(1, %s) AS number
"""


def store(count: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(STORE, [count])


def page(api: APIClient, **parameters: int) -> tuple[int, dict[str, Any]]:
    body = api.get("/api/v1/events", parameters).json()
    return len(body["data"]), body["pagination"]


def test_ten_thousand_are_counted(viewer_api: APIClient) -> None:
    store(10_000)
    assert page(viewer_api, limit=1) == (1, {"total": 10_000, "limit": 1, "offset": 0, "hasMore": True})
    assert page(viewer_api, offset=9_990) == (10, {"total": 10_000, "limit": 50, "offset": 9_990, "hasMore": False})
    assert page(viewer_api, offset=10_000) == (0, {"total": 10_000, "limit": 50, "offset": 10_000, "hasMore": False})


def test_of_more_the_count_ends_and_the_pages_go_on(viewer_api: APIClient) -> None:
    store(10_120)
    assert page(viewer_api) == (50, {"total": 10_001, "limit": 50, "offset": 0, "hasMore": True})
    assert page(viewer_api, offset=10_050) == (50, {"total": 10_001, "limit": 50, "offset": 10_050, "hasMore": True})
    assert page(viewer_api, offset=10_070) == (50, {"total": 10_001, "limit": 50, "offset": 10_070, "hasMore": False})
    assert page(viewer_api, offset=10_119) == (1, {"total": 10_001, "limit": 50, "offset": 10_119, "hasMore": False})
    assert page(viewer_api, offset=10_120) == (0, {"total": 10_001, "limit": 50, "offset": 10_120, "hasMore": False})
    assert page(viewer_api, limit=0) == (0, {"total": 10_001, "limit": 0, "offset": 0, "hasMore": True})


def test_no_query_reads_more_rows_than_are_counted(viewer_api: APIClient) -> None:
    store(20_000)
    with CaptureQueriesContext(connection) as queries:
        page(viewer_api)
    counts = [query["sql"] for query in queries if "COUNT(*)" in query["sql"]]
    assert len(counts) == 1
    assert "LIMIT 10001" in counts[0]
