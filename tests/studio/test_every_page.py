"""Every page of Studio with the demo's bank in it: it is there, and asks the database a bounded number of times."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.studio.bank import fill, some_ids
from tests.studio.routes import ROUTES

MOST_QUERIES = 15

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def test_every_page_is_there_and_asks_at_most_fifteen_times(as_admin: Client) -> None:
    fill(traffic=300)
    ids = some_ids()
    asked: dict[str, int] = {}
    for route in ROUTES:
        if "GET" not in route.methods or route.name == "studio":
            continue
        assert set(route.parameters) <= ids.keys(), f"tests/studio/bank.py has no id for {route.pattern}"
        with CaptureQueriesContext(connection) as queries:
            answer = as_admin.get(route.path(ids))
        assert answer.status_code == 200, f"{route.path(ids)}: {answer.status_code}"
        asked[route.name] = len(queries)
    assert {name: count for name, count in asked.items() if count > MOST_QUERIES} == {}
    assert len(asked) > 5
