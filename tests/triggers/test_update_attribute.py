"""`update_attribute` in the engine: what it asks the database for."""

from collections.abc import Callable

from django.db import connection
from django.test.utils import CaptureQueriesContext

from kaireon.core import clock
from kaireon.customers.field_types import Field
from kaireon.customers.models import Record
from kaireon.customers.records import upsert_rows
from kaireon.customers.schemas import create_schema
from kaireon.events.ingestion import ingest
from tests.triggers.fixtures import process_all
from triggers.models import Trigger


def test_records_that_no_template_reads_are_not_asked_for(
    make_trigger: Callable[..., Trigger], make_customer: Callable[..., None]
) -> None:
    """The default schema is there, and the action changes another one."""
    other = create_schema(schema_id="schema_other", name="other", fields=[Field("seen", "text")], now=clock.now())
    rows = [{"customerId": f"cust_{number}"} for number in range(20)]
    upsert_rows(schema_id=other.pk, rows=rows, now=clock.now())
    updates = [{"field": "seen", "value": "{{event.type}}"}]
    make_trigger(actionConfig={"schemaId": other.pk, "updates": updates})
    ingest([{"eventType": "purchase", **row} for row in rows], source="api", now=clock.now())
    with CaptureQueriesContext(connection) as queries:
        process_all()
    assert Record.objects.filter(schema=other, attributes={"seen": "purchase"}).count() == 20
    assert [one["sql"] for one in queries if "'schema_customer_profile'" in one["sql"]] == []
