"""Backing up with pg_dump and restoring with pg_restore, as docs/operating.md says, and what holds afterwards."""

import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, connection

from audit.models import Entry
from kaireon.core import clock
from kaireon.core.redis import redis_client
from kaireon.customers.models import Record, Schema
from kaireon.customers.records import upsert_rows
from kaireon.delivery.models import Delivery
from kaireon.delivery.sender import send_due
from kaireon.events.ingestion import ingest
from kaireon.events.models import Event
from kaireon.launch.postgres import _binaries
from kaireon.secrets import vault
from tests.delivery.receiver import Receiver
from tests.launch.running import Running
from tests.stack.conftest import database_url
from tests.triggers import fixtures
from tests.triggers.fixtures import process_all
from triggers.models import Firing, Trigger

RESTORED = "kaireon_restored"


def send(*events: tuple[str, str]) -> list[bool]:
    """Ingests events by id and customer; whether each was a duplicate."""
    body = [{"eventId": event_id, "eventType": "purchase", "customerId": customer} for event_id, customer in events]
    return [result.is_duplicate for result in ingest(body, source="api", now=clock.now())]


def decisions() -> dict[str, dict[str, str]]:
    """By event and trigger."""
    return {event.event_id: fixtures.decisions(event) for event in Event.objects.filter(event_type="purchase")}


def balances() -> dict[str, Any]:
    return {record.customer_id: record.attributes["balance"] for record in Record.objects.all()}


@pytest.fixture
def installation(
    transactional_db: None, schema: Schema, make_trigger: Callable[..., Trigger], receiver: Receiver
) -> None:
    """Two customers, a trigger with a cooldown of a day, one that calls a webhook with a secret."""
    rows = [{"customerId": customer, "balance": 0} for customer in ("ada", "bob")]
    upsert_rows(schema_id=schema.pk, rows=rows, now=clock.now())
    process_all()
    vault.create_secret(name="token", value="s3cret")
    make_trigger(
        id="trg_daily",
        cooldownMs=86_400_000,
        actionConfig={"schemaId": schema.pk, "updates": [{"field": "balance", "expression": "balance + 100"}]},
    )
    make_trigger(
        id="trg_hook",
        actionType="webhook",
        actionConfig={"url": receiver.url, "headers": {"X-Token": "{{ secret.token }}"}},
    )


class Backup:
    """A dump of the database in use, and its way back into a new database, which is then the one in use."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._original = str(connection.settings_dict["NAME"])
        self._url = database_url()

    def dump(self) -> None:
        self._run("pg_dump", "--format=custom", f"--file={self._file}", self._url)

    def restore(self) -> None:
        with psycopg.connect(self._url_of("postgres"), autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE {RESTORED}")
        target = self._url_of(RESTORED)
        self._run("pg_restore", "--exit-on-error", "--no-owner", f"--dbname={target}", str(self._file))
        self._use(RESTORED)

    def close(self) -> None:
        self._use(self._original)
        with psycopg.connect(self._url_of("postgres"), autocommit=True) as admin:
            admin.execute(f"DROP DATABASE IF EXISTS {RESTORED} WITH (FORCE)")

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run([str(_binaries() / program), *arguments], check=True, timeout=60)

    def _url_of(self, database: str) -> str:
        return self._url.replace(f"/{self._original}?", f"/{database}?")

    def _use(self, database: str) -> None:
        connection.close()
        connection.settings_dict["NAME"] = database


@pytest.fixture
def backup(installation: None, tmp_path: Path) -> Iterator[Backup]:
    made = Backup(tmp_path / "kaireon.dump")
    yield made
    made.close()


@pytest.mark.slow
def test_after_a_restore_with_an_empty_redis_nothing_is_lost_and_nothing_fires_twice(
    backup: Backup, receiver: Receiver
) -> None:
    send(("e1", "ada"))
    process_all()
    send(("e2", "bob"))  # waits when the backup is made
    backup.dump()
    audited = Entry.objects.count()

    # What the backup does not know: an event that was processed, a webhook that was sent.
    send(("e3", "ada"))
    process_all()
    send_due(run_seconds=10)
    sent_before = {request.headers["webhook-id"] for request in receiver.received}
    assert len(sent_before) == 3

    backup.restore()
    redis_client().flushdb()

    assert Entry.objects.count() == audited
    assert Event.objects.get(event_id="e2").status == "pending"
    assert not Event.objects.filter(event_id="e3").exists()
    process_all()
    # Senders send again what they are not sure of: what is there counts once, what is gone is new.
    assert send(("e1", "ada"), ("e2", "bob"), ("e3", "ada"), ("e4", "bob")) == [True, True, False, False]
    process_all()

    assert decisions() == {
        "e1": {"trg_daily": "fired", "trg_hook": "fired"},
        "e2": {"trg_daily": "fired", "trg_hook": "fired"},
        # The cooldowns came from the firings of the backup.
        "e3": {"trg_daily": "cooldown", "trg_hook": "fired"},
        "e4": {"trg_daily": "cooldown", "trg_hook": "fired"},
    }
    assert balances() == {"ada": 100, "bob": 100}
    assert Firing.objects.count() == 6

    receiver.received.clear()
    send_due(run_seconds=10)
    # Those of e1, e2 and e3 go out again, under ids that their receiver has seen; secrets are readable.
    assert sent_before < {request.headers["webhook-id"] for request in receiver.received}
    assert [request.headers["x-token"] for request in receiver.received] == ["s3cret"] * 4
    assert set(Delivery.objects.values_list("status", flat=True)) == {"delivered"}


@pytest.mark.slow
def test_control_a_redis_that_was_not_emptied_remembers_firings_that_are_gone(backup: Backup) -> None:
    backup.dump()
    send(("e1", "ada"))
    process_all()
    backup.restore()
    send(("e2", "ada"))
    process_all()
    assert decisions() == {"e2": {"trg_daily": "cooldown", "trg_hook": "fired"}}
    assert balances()["ada"] == 0


@pytest.mark.slow
def test_a_restored_audit_log_refuses_changes_as_the_first_one_did(backup: Backup) -> None:
    backup.dump()
    backup.restore()
    for statement in ("UPDATE audit_entry SET action = 'x'", "DELETE FROM audit_entry"):
        with connection.cursor() as cursor, pytest.raises(DatabaseError, match="append-only"):
            cursor.execute(statement)


@pytest.mark.slow
@pytest.mark.stack
@pytest.mark.timeout(180)
def test_a_copy_of_the_folder_of_make_run_is_a_backup_of_all_of_it(tmp_path: Path) -> None:
    home, copy = tmp_path / "home", tmp_path / "copy"
    with Running(home) as product:
        product.wait_until_ready()
        key = next(line.split()[-1] for line in product.lines if "API key" in line)
        event = {"eventId": "kept", "eventType": "purchase", "customerId": "ada"}
        assert product.ask("/api/v1/events", key=key, body=event)[0] == 202
        product.send(signal.SIGTERM)
        product.wait_for_end()
    subprocess.run(["cp", "-a", str(home), str(copy)], check=True, timeout=60)
    shutil.rmtree(home)
    with Running(copy) as product:
        product.wait_until_ready()
        assert product.ask("/api/v1/events/kept", key=key)[0] == 200
